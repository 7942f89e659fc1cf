// The organization's settings actor: uniqueness, revisions, the last owner.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evolveOrganization, loadOrganization } from '#actors'
import { keys, type Agent, type Event, type Organization, type OrganizationSnapshot, type StoredContent } from '#schemas/log'
import { transition } from '../../src/runtime/scope.ts'
import { accepted, idOf, organizationId, Pair, refused, typesOf } from './world.ts'

const owner = (name: string, more = {}) => ({ name, email: `${name}@example.com`, role: 'owner', ...more })

const founded = (): Pair => {
  const pair = new Pair()
  accepted(pair.write('organization', { fields: { name: 'Acme', sealedIdKey: Buffer.alloc(48, 7).toString('base64') } }))
  accepted(pair.write('agent', { entityId: idOf('anna'), fields: owner('anna'), uniqueKeys: [idOf('anna@')] }))
  return pair
}
const settingOf = <T>(pair: Pair, kind: string, name: string): T => pair.rows.get(keys.setting(kind, name)) as T

test('an organization begins with itself, and nothing is written before it', () => {
  const pair = new Pair()
  refused(pair.write('label', { entityId: idOf('vip'), fields: { name: 'VIP' } }), 'organization_not_found')
  const decision = pair.write('organization', { fields: { name: 'Acme', sealedIdKey: 'AAAA' } })
  assert.deepEqual(typesOf(decision), ['setting.changed'])
  const organization = settingOf<Organization>(pair, 'organization', organizationId)
  assert.deepEqual([organization.rev, organization.reopenToAgentHours, organization.sealedIdKey.length], [1, 24, 3])
  refused(pair.write('organization', { fields: { name: 'Again', sealedIdKey: 'AAAA' } }), 'setting_exists')
})

test('a change keeps what is not named, counts up and honours If-Match', () => {
  const pair = founded()
  const change = { action: 'change' as const, entityId: idOf('anna'), uniqueKeys: [idOf('anna@')] }
  assert.deepEqual({ ...refused(pair.write('agent', { ...change, expectedRev: 7, fields: { name: 'A' } }), 'rev_mismatch') }, { rev: 1 })
  accepted(pair.write('agent', { ...change, expectedRev: 1, fields: { isAvailable: false } }))
  const agent = settingOf<Agent>(pair, 'agent', idOf('anna'))
  assert.deepEqual([agent.name, agent.isAvailable, agent.rev], ['anna', false, 2])
  refused(pair.write('agent', { ...change, entityId: idOf('nobody') }), 'setting_not_found')
})

test('a name is held by one, and free again once changed or removed', () => {
  const pair = founded()
  const create = (name: string, key: string) => pair.write('agent', { entityId: idOf(name), fields: owner(name), uniqueKeys: [idOf(key)] })
  refused(create('ben', 'anna@'), 'setting_not_unique')
  accepted(create('ben', 'ben@'))
  accepted(
    pair.write('agent', { action: 'change', entityId: idOf('anna'), uniqueKeys: [idOf('ada@')], fields: { email: 'ada@example.com' } }),
  )
  accepted(create('carl', 'anna@'))
  accepted(pair.write('agent', { action: 'remove', entityId: idOf('carl') }))
  assert.equal(settingOf(pair, 'agent', idOf('carl')), null)
  accepted(create('dora', 'anna@'))
})

test('the last owner can be neither removed nor demoted nor deactivated', () => {
  const pair = founded()
  const change = (name: string, fields: object) => pair.write('agent', { action: 'change', entityId: idOf(name), uniqueKeys: [], fields })
  refused(change('anna', { role: 'admin' }), 'last_owner')
  refused(change('anna', { isActive: false }), 'last_owner')
  refused(pair.write('agent', { action: 'remove', entityId: idOf('anna') }), 'last_owner')
  accepted(pair.write('agent', { entityId: idOf('ben'), fields: owner('ben') }))
  accepted(change('anna', { role: 'admin' }))
  refused(change('ben', { role: 'agent' }), 'last_owner')
  assert.deepEqual(pair.organization?.owners, [idOf('ben')])
})

test('a field that is missing, unknown, of another type or the actor’s own is named', () => {
  const pair = founded()
  const faults: [object | string, string][] = [
    [{ email: 'x@example.com' }, 'name'],
    [{ ...owner('x'), shoeSize: 43 }, 'shoeSize'],
    [{ ...owner('x'), isActive: 'yes' }, 'isActive'],
    [{ ...owner('x'), role: 'emperor' }, 'role'],
    [{ ...owner('x'), rev: 9 }, 'rev'],
    ['not json', 'json'],
    ['[]', 'json'],
  ]
  for (const [fields, field] of faults) {
    const json = typeof fields === 'string' ? { json: fields } : { fields }
    assert.deepEqual({ ...refused(pair.write('agent', { entityId: idOf('x'), ...json }), 'setting_invalid') }, { field })
  }
  refused(pair.write('account', { entityId: idOf('y'), fields: { name: 'n', channel: 'web', origins: [1] } }), 'setting_invalid')
  accepted(
    pair.write('account', {
      entityId: idOf('y'),
      fields: { name: 'n', channel: 'web', origins: ['https://example.com'], options: { color: 'red' } },
    }),
  )
})

test('nothing sealed or hashed stands in what an audit reads', () => {
  const pair = new Pair()
  const secret = Buffer.from('sealed secret').toString('base64')
  const jsonOf = (decision: { contents: readonly (readonly StoredContent[])[] }): string => {
    const content = decision.contents[0]?.[0]
    assert.ok(content?.kind === 'setting')
    return content.body.json
  }
  const all = [
    jsonOf(pair.write('organization', { fields: { name: 'Acme', sealedIdKey: secret } })),
    jsonOf(
      pair.write('agent', { entityId: idOf('anna'), fields: owner('anna', { passwordHash: 'scrypt$canary' }), uniqueKeys: [idOf('u')] }),
    ),
    jsonOf(pair.write('account', { entityId: idOf('acc'), fields: { name: 'sms', channel: 'twilio', sealedCredentials: secret } })),
    jsonOf(pair.write('token', { entityId: idOf('tok'), fields: { name: 'crm', role: 'integration', hash: 'canary' } })),
    jsonOf(pair.write('session', { entityId: idOf('ses'), fields: { agentId: idOf('anna'), hash: 'canary', expiresAt: 5 } })),
  ]
  for (const json of all) {
    assert.doesNotMatch(json, /canary|sealed|hash/i)
    assert.ok(!json.includes(secret) && !json.includes(idOf('u')))
  }
  assert.equal((JSON.parse(all[1] ?? '{}') as { name: string }).name, 'anna')
})

test('state = fold(events with their contents)', () => {
  const pair = new Pair()
  const log: { event: Event; contents: readonly StoredContent[] }[] = []
  const did = (decision: { events: readonly Event[]; contents: readonly (readonly StoredContent[])[] }): void => {
    for (const [index, event] of decision.events.entries()) log.push({ event, contents: decision.contents[index] ?? [] })
  }
  did(pair.write('organization', { fields: { name: 'Acme', sealedIdKey: 'AAAA' } }))
  did(pair.write('agent', { entityId: idOf('anna'), fields: owner('anna') }))
  did(pair.write('agent', { entityId: idOf('ben'), fields: owner('ben') }))
  did(pair.write('agent', { action: 'remove', entityId: idOf('anna') }))
  did(pair.write('label', { entityId: idOf('vip'), fields: { name: 'VIP' } }))
  const folded = log.reduce<OrganizationSnapshot | null>(
    (snapshot, { event, contents }) => evolveOrganization(snapshot, event, contents, transition),
    null,
  )
  assert.deepEqual(folded, pair.organization)
  assert.deepEqual(
    log.map(({ event }) => event.seq),
    [1, 2, 3, 4, 5],
  )
  assert.deepEqual(loadOrganization(folded), folded)
  assert.equal(loadOrganization({ ...folded, version: 9 }), null)
})
