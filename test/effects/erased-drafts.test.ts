// Erasing a conversation empties the drafts that agents have in it; read marks stay.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivePlain, encode, keys, mark, type Command, type EffectDrop, type Mark } from '#schemas/log'
import { openErasedDrafts } from '../../src/effects/erased-drafts.ts'

const id = (name: string): string => derivePlain('setting', ['erased-drafts', name])
const effect: EffectDrop = {
  effectId: id('effect'),
  organizationId: id('organization'),
  subject: { kind: 'conversation', id: id('conversation') },
  upToSeq: 9,
}
const markOf = (agent: string, draft: string | null): Mark => ({
  conversationId: effect.subject.id,
  organizationId: effect.organizationId,
  accountId: id('account'),
  agentId: id(agent),
  rev: 3,
  readUpTo: 7,
  readUpToContactSeq: 2,
  draft,
  draftRev: 41,
  isNoteDraft: agent === 'noting',
  at: 1,
})

test('asks in the name of each agent with a draft for an empty one, newer than it, and of nobody else', async () => {
  const marks = [markOf('writing', 'as you said, 12 Elm Street'), markOf('noting', 'she lives there'), markOf('reading', null)]
  const stored = new Map(marks.map((value) => [keys.mark(effect.subject.id, value.agentId), encode(mark, value)]))
  const posted: Command[] = []
  const clearDrafts = openErasedDrafts({
    log: {
      latest: (_topic, _partition, wanted) =>
        Promise.resolve(
          wanted.map((key) => {
            const value = stored.get(key)
            return value === undefined ? null : { key, value, headers: {}, time: 1, offset: 0 }
          }),
        ),
    },
    reports: { post: (commands) => Promise.resolve(void posted.push(...commands)) },
    clock: () => 5,
    agentIdsOf: () => ['nobody', 'writing', 'noting', 'reading'].map(id),
  })
  await clearDrafts(effect, new AbortController().signal)
  const told = posted.map((command) => [command.type, command.actor.id, command.by.id, command.data])
  assert.deepEqual(told, [
    ['conversation.draft', effect.subject.id, id('writing'), { text: null, isNote: false, rev: 42 }],
    ['conversation.draft', effect.subject.id, id('noting'), { text: null, isNote: true, rev: 42 }],
  ])
})
