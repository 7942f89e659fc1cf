// Labels, priority, attributes, block and opt-out: facts about a conversation that move it nowhere.
// Between those commands and one event each; an update that changes nothing is no event.

import type { Command } from '#schemas/log'
import type { LivingDraft } from '../conversation/index.ts'
import { mayFollow, setParticipants } from './participants.ts'
import { setOptOut } from './receive.ts'

export const LABELS_MAX = 64
const ATTRIBUTES_MAX = 64
const ATTRIBUTES_BYTES_MAX = 8_192

/** What a set operation would change; add before remove, so a label in both is gone after it. */
export const labelChange = (
  labels: readonly string[],
  { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] },
) => ({
  added: [...new Set(add)].filter((label) => !labels.includes(label) && !remove.includes(label)),
  removed: [...new Set(remove)].filter((label) => labels.includes(label)),
})

export const label = (draft: LivingDraft, { data }: Command<'conversation.label'>): void => {
  const { settings } = draft.context
  const unknown = data.add.find((labelId) => settings.label?.(labelId) === false)
  if (unknown !== undefined) return void draft.refuse('label_unknown', { labelId: unknown })
  const { labels } = draft.snapshot
  const { added, removed } = labelChange(labels, data)
  if (labels.length + added.length - removed.length > LABELS_MAX) return void draft.refuse('labels_too_many', { labelsMax: LABELS_MAX })
  if (added.length + removed.length > 0) draft.apply('conversation.labeled', { added, removed })
  draft.accept()
}

export const prioritize = (draft: LivingDraft, { data }: Command<'conversation.prioritize'>): void => {
  const { priority } = draft.snapshot
  if (priority !== data.priority) draft.apply('conversation.prioritized', { before: priority, after: data.priority })
  draft.accept()
}

/** The set after a change: given keys replace, an empty value removes. null = nothing changed; 'too large' past the limits. */
export const mergeAttributes = (
  before: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>>,
): Record<string, string> | 'too large' | null => {
  const isChange = Object.entries(changes).some(([key, value]) =>
    value === '' ? Object.hasOwn(before, key) : !Object.hasOwn(before, key) || before[key] !== value,
  )
  if (!isChange) return null
  const entries = Object.entries({ ...before, ...changes }).filter(([, value]) => value !== '')
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  return entries.length > ATTRIBUTES_MAX || sizeBytes > ATTRIBUTES_BYTES_MAX ? 'too large' : Object.fromEntries(entries)
}

export const changeConversation = (draft: LivingDraft, { data }: Command<'conversation.change'>): void => {
  const values = mergeAttributes(draft.context.rows.attributes() ?? {}, data.attributes)
  if (values === 'too large') return void draft.refuse('attributes_too_large', { keysMax: ATTRIBUTES_MAX, bytesMax: ATTRIBUTES_BYTES_MAX })
  if (data.participants !== null && !mayFollow(draft, data.participants)) return
  if (values !== null) {
    draft.apply('conversation.changed', { attributes: { seq: draft.nextSeq, n: 0 } }, [{ kind: 'attributes', body: { values } }])
    draft.putAttributes(values)
  }
  if (data.participants !== null) setParticipants(draft, data.participants)
  draft.accept()
}

export const setBlocked = (draft: LivingDraft, { data }: Command<'conversation.block'>): void => {
  if (draft.snapshot.isBlocked !== data.isBlocked) draft.apply('conversation.blocked', { isBlocked: data.isBlocked })
  draft.accept()
}

export const opt = (draft: LivingDraft, { data }: Command<'conversation.opt'>): void => {
  setOptOut(draft, data.isOptedOut)
  draft.accept()
}
