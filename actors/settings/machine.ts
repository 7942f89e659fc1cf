// The settings actor's machine: one state, one event; its context knows who the owners are and nothing else of the settings.
// Between setting.changed in `events` and the decisions beside it.

import { assign, setup } from 'xstate'
import { ORGANIZATION_VERSION, SITE_ID, type Event, type OrganizationSnapshot, type StoredContent } from '#schemas/log'
import type { Transition } from '../decision.ts'

/** An owner's standing after the event, read from its content before the machine sees it; null = says nothing of owners. */
interface Known extends Event<'setting.changed'> {
  readonly isOwner: boolean | null
}

const isOwnerIn = (event: Event<'setting.changed'>, contents: readonly StoredContent[]): boolean | null => {
  if (event.data.kind !== 'agent') return null
  if (event.data.action === 'removed') return false
  const content = contents[0]
  if (content?.kind !== 'setting') return null
  const { role, isActive } = JSON.parse(content.body.json) as { role?: unknown; isActive?: unknown }
  return role === 'owner' && isActive === true
}

const ownersAfter = (owners: string[], { data, isOwner }: Known): string[] => {
  if (isOwner === null || owners.includes(data.entityId) === isOwner) return owners
  return isOwner ? [...owners, data.entityId] : owners.filter((owner) => owner !== data.entityId)
}

export const organizationMachine = setup({
  types: { context: {} as OrganizationSnapshot, events: {} as Known },
  actions: {
    apply: assign(({ context, event }) => ({
      id: event.organizationId,
      seq: event.seq,
      at: event.at,
      owners: ownersAfter(context.owners, event),
    })),
  },
}).createMachine({
  id: 'organization',
  context: {} as OrganizationSnapshot,
  initial: 'kept',
  states: { kept: { on: { 'setting.changed': { actions: 'apply' } } } },
})

const unborn: OrganizationSnapshot = { version: ORGANIZATION_VERSION, id: SITE_ID, seq: 0, at: 0, owners: [] }

/** One step of the fold. */
export const stepOrganization = (
  snapshot: OrganizationSnapshot | null,
  event: Event,
  { contents, transition }: { contents: readonly StoredContent[]; transition: Transition },
): { readonly snapshot: OrganizationSnapshot; readonly actions: readonly string[] } => {
  const before = snapshot ?? unborn
  if (event.type !== 'setting.changed') throw new Error(`the settings actor does not know ${event.type}`)
  if (event.seq !== before.seq + 1) throw new Error(`event ${event.seq} does not follow ${before.seq}`)
  const known: Known = { ...event, isOwner: isOwnerIn(event, contents) }
  const { context, actions } = transition(organizationMachine, { value: 'kept', context: before }, known)
  return { snapshot: context, actions }
}
