// The audit of an organization: newest first, filtered, paged without a gap or a repeat, for those who may.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditQuery, Viewer } from '#views'
import { openSite, type Site } from './site.ts'
import { ACCOUNT, agentOf, grantsOf, idOf, ORGANIZATION, profileOf } from './world.ts'

const owner: Viewer = { grants: grantsOf('agent', { role: 'owner' }) }

/** A setting's event, as the settings actor writes it. */
const addLabel = (world: Site['world'], name: string): void =>
  world.change(
    { kind: 'label', action: 'created', entityId: idOf(name), rev: 1 },
    { contents: [{ kind: 'setting', body: { json: JSON.stringify({ name }) } }] },
  )

const all = async (site: Site, query: AuditQuery, limit = 3): Promise<{ types: string[]; pages: number }> => {
  const types: string[] = []
  let pages = 0
  for (let after: AuditQuery['after']; ; pages++) {
    const page = await site.views.audit(owner, { ...query, limit, ...(after === undefined ? {} : { after }) })
    types.push(...page.items.map(({ type, seq }) => `${type} ${seq}`))
    if (page.next === null) return { types, pages: pages + 1 }
    after = page.next
  }
}

test('conversations, contacts and settings, newest first, each once', async (context) => {
  const site = await openSite(context, { views: { clock: () => Date.UTC(2026, 0, 6) } })
  const { world } = site
  const id = world.create('anna')
  world.contact('anna', 'contact.created', { accountId: ACCOUNT, channel: 'twilio', conversationId: id }, { contents: [profileOf('Anna')] })
  world.receive('anna', 'm', 'text')
  const between = world.tick()
  addLabel(world, 'VIP')
  world.create('far', { organizationId: idOf('another organization') })
  world.now = Date.UTC(2026, 0, 5, 20)
  world.resolve('anna')
  await site.settle()
  const everything = ['conversation.resolved 3', 'label.created 1', 'message.received 2', 'contact.created 1', 'conversation.created 1']
  assert.deepEqual((await all(site, {})).types, everything)
  assert.deepEqual((await all(site, {}, 1)).types, everything)
  assert.deepEqual((await all(site, { kind: 'organization' })).types, ['label.created 1'])
  assert.deepEqual((await all(site, { type: 'message.received' })).types, ['message.received 2'])
  assert.deepEqual((await all(site, { actor: agentOf('agent').id ?? '' })).types, ['conversation.resolved 3'])
  assert.deepEqual((await all(site, { from: between })).types, everything.slice(0, 2))
  assert.deepEqual((await all(site, { to: between })).types, everything.slice(2))
  const [label] = (await site.views.audit(owner, { type: 'label.created' })).items
  assert.deepEqual(label?.data['value'], { name: 'VIP' })
  assert.equal(label?.organizationId, ORGANIZATION)
})

test('a crowded moment is read to its end', async (context) => {
  const site = await openSite(context, { views: { clock: () => Date.UTC(2026, 0, 6) } })
  const { world } = site
  world.create('anna')
  const at = world.tick()
  for (let index = 0; index < 250; index++) world.receive('anna', `m${index}`, 'text', { at })
  await site.settle()
  const { types, pages } = await all(site, {}, 100)
  assert.equal(types.length, 251)
  assert.equal(new Set(types).size, 251)
  assert.equal(pages, 3)
})

test('who may not read the audit is shown nothing, who sees some accounts only nothing of settings', async (context) => {
  const site = await openSite(context, { views: { clock: () => Date.UTC(2026, 0, 6) } })
  addLabel(site.world, 'VIP')
  await site.settle()
  const ask = async (viewer: Viewer): Promise<number> => (await site.views.audit(viewer, {})).items.length
  assert.equal(await ask(owner), 1)
  assert.equal(await ask({ grants: grantsOf('agent') }), 0)
  assert.equal(await ask({ grants: grantsOf('agent', { role: 'owner', accountIds: [ACCOUNT] }) }), 0)
})
