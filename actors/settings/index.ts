// The settings actor of an organization: creates, changes and removes settings, keeps names unique and the last owner in place.
// Between setting.write and the rows of `config`; every write is an event, its public form a content beside it.

import {
  keys,
  ORGANIZATION_VERSION,
  type Event,
  type OrganizationSnapshot,
  type SettingKind,
  type SettingsCommand,
  type SettingValue,
  type StoredContent,
} from '#schemas/log'
import type { DecideContext, Decision, SettingChange, Transition } from '../decision.ts'
import { Draft } from '../draft.ts'
import { stepOrganization } from './machine.ts'
import { mergeSetting, publicJson, SettingFault } from './shape.ts'

export { organizationMachine } from './machine.ts'

/** Settings' contents are never erased, so this fold may read them: who is an owner stands there. */
export const evolveOrganization = (
  snapshot: OrganizationSnapshot | null,
  event: Event,
  contents: readonly StoredContent[],
  transition: Transition,
): OrganizationSnapshot => stepOrganization(snapshot, event, { contents, transition }).snapshot

/** A stored snapshot as today's; null = fold anew. */
export const loadOrganization = (decoded: unknown): OrganizationSnapshot | null => {
  const snapshot = decoded as OrganizationSnapshot | null
  if (snapshot === null || typeof snapshot !== 'object' || snapshot.version !== ORGANIZATION_VERSION) return null
  return Array.isArray(snapshot.owners) ? snapshot : null
}

type Base = { id: string; rev: number; createdAt: number; uniqueKeys: string[] }
type OrganizationDraft = Draft<OrganizationSnapshot>

const isOwner = (kind: SettingKind, value: object | null): boolean => {
  const agent: { role?: string; isActive?: boolean } | null = value
  return kind === 'agent' && agent?.role === 'owner' && agent.isActive === true
}

/** A refusal, or undefined where the write may go on. */
const fault = (draft: OrganizationDraft, command: SettingsCommand, before: Base | null): [string, Record<string, unknown>?] | undefined => {
  const { kind, action, entityId, expectedRev, uniqueKeys } = command.data
  const isBeginning = kind === 'organization' && action === 'create'
  if (draft.snapshot === null && !isBeginning) return ['organization_not_found']
  if (kind === 'organization' && (action === 'remove' || entityId !== command.organizationId))
    return ['setting_invalid', { field: 'entityId' }]
  if (action === 'create' && before !== null) return ['setting_exists', { entityId }]
  if (action !== 'create' && before === null) return ['setting_not_found', { entityId }]
  if (before !== null && expectedRev !== null && expectedRev !== before.rev) return ['rev_mismatch', { rev: before.rev }]
  if (action === 'remove') return undefined
  const taken = uniqueKeys.find((key) => {
    const holder = draft.context.rows.unique(key)
    return holder !== null && holder.entityId !== entityId
  })
  return taken === undefined ? undefined : ['setting_not_unique', { uniqueId: taken }]
}

const isLastOwner = ({ snapshot }: OrganizationDraft, entityId: string): boolean =>
  snapshot?.owners.length === 1 && snapshot.owners[0] === entityId

/** Names it held and holds no longer are free again. */
const putUniques = (
  draft: OrganizationDraft,
  entityId: string,
  { before, after }: { before: readonly string[]; after: readonly string[] },
): void => {
  for (const key of before) if (!after.includes(key)) draft.settings.push({ key: keys.unique(key), kind: 'unique', value: null })
  for (const key of after) if (!before.includes(key)) draft.settings.push({ key: keys.unique(key), kind: 'unique', value: { entityId } })
}

const record = (draft: OrganizationDraft, command: SettingsCommand, facts: { rev: number; json: string }): void => {
  const { kind, entityId, action } = command.data
  const past = { create: 'created', change: 'changed', remove: 'removed' } as const
  draft.append('setting.changed', { kind, action: past[action], entityId, rev: facts.rev }, [
    { kind: 'setting', body: { json: facts.json } },
  ])
}

const remove = (draft: OrganizationDraft, command: SettingsCommand, before: Base): void => {
  const { kind, entityId } = command.data
  if (isLastOwner(draft, entityId)) return void draft.refuse('last_owner')
  record(draft, command, { rev: before.rev + 1, json: publicJson({ id: entityId }) })
  draft.settings.push({ key: keys.setting(kind, entityId), kind, value: null })
  putUniques(draft, entityId, { before: before.uniqueKeys, after: [] })
  draft.accept(entityId)
}

const write = (draft: OrganizationDraft, command: SettingsCommand, before: Base | null): void => {
  const { kind, entityId, json, uniqueKeys } = command.data
  const fields = mergeSetting(kind, before as SettingValue[SettingKind] | null, json)
  if (isLastOwner(draft, entityId) && !isOwner(kind, fields)) return void draft.refuse('last_owner')
  const now = draft.now
  const rev = (before?.rev ?? 0) + 1
  const own = { id: entityId, organizationId: command.organizationId, rev, createdAt: before?.createdAt ?? now, updatedAt: now, uniqueKeys }
  const value = { ...fields, ...own }
  record(draft, command, { rev, json: publicJson(value) })
  draft.settings.push({ key: keys.setting(kind, entityId), kind, value } as SettingChange)
  putUniques(draft, entityId, { before: before?.uniqueKeys ?? [], after: uniqueKeys })
  draft.accept(entityId)
}

/** Pure; a field that does not fit is the refusal `setting_invalid {field}`. */
export const decideSettings = (
  snapshot: OrganizationSnapshot | null,
  command: SettingsCommand,
  context: DecideContext,
): Decision<OrganizationSnapshot> => {
  const { transition } = context
  const kind = {
    step: (before: OrganizationSnapshot | null, event: Event, contents: readonly StoredContent[]) =>
      stepOrganization(before, event, { contents, transition }),
    contactSeqOf: () => null,
  }
  const draft = new Draft<OrganizationSnapshot>(snapshot, command, { context, kind })
  const before: Base | null = context.rows.setting(command.data.kind, command.data.entityId)
  const refusal = fault(draft, command, before)
  if (refusal !== undefined) return draft.refuse(...refusal).done()
  try {
    if (command.data.action === 'remove' && before !== null) remove(draft, command, before)
    else write(draft, command, before)
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error
    draft.refuse('setting_invalid', { field: error.field })
  }
  return draft.done()
}
