// Whom an event of a conversation is routed to: who has it, who had it, and to whom it is offered.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFamilies } from '../../src/runtime/kinds.ts'

const { routing } = openFamilies({} as never)[0]?.actors['conversation'] ?? assert.fail('no conversations')
const snapshot = (over: object) => ({ seq: 1, at: 1, accountId: 'account', assignee: null, teamId: null, offer: null, ...over })
const offer = (kind: string, id: string) => ({ to: { kind, id }, expiresAt: 1, seq: 1, context: null })

test('an offer reaches whom it is made to, and its end too', () => {
  const [free, offered] = [snapshot({}), snapshot({ offer: offer('agent', 'anna') })]
  assert.deepEqual(routing(free, offered), { account: 'account', assignee: 'anna none', team: '' })
  const taken = snapshot({ assignee: { kind: 'agent', id: 'anna' } })
  assert.deepEqual(routing(offered, taken), { account: 'account', assignee: 'anna none', team: '' })
  const held = snapshot({ assignee: { kind: 'bot', id: 'bot' } })
  assert.deepEqual(routing(held, { ...held, ...{ offer: offer('agent', 'anna') } }), { account: 'account', assignee: 'bot anna', team: '' })
  assert.deepEqual(routing(held, { ...held, ...{ offer: offer('team', 'sales') } }), { account: 'account', assignee: 'bot', team: 'sales' })
})
