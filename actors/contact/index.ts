// The decisions of a contact: who it is, where it writes, blocked, opted out, erased; its conversations are told.
// Between `contact-commands` and the events and effects that follow; pure.

import {
  keys,
  type Command,
  type ContactCommand,
  type ContactSnapshot,
  type Content,
  type EventData,
  type Profile,
  type ProfileRow,
} from '#schemas/log'
import { putDrop, putTell } from '../conversation/index.ts'
import type { DecideContext, Decision } from '../decision.ts'
import { LABELS_MAX, labelChange, mergeAttributes } from '../decide/change.ts'
import { DROPS_MAX } from '../decide/erase.ts'
import { Draft } from '../draft.ts'
import { stepContact, type ContactEventType } from './machine.ts'

export { contactEventTypes, contactMachine, evolveContact, loadContact } from './machine.ts'

type Living = ContactDraft & { snapshot: ContactSnapshot }

class ContactDraft extends Draft<ContactSnapshot> {
  declare readonly command: ContactCommand

  constructor(snapshot: ContactSnapshot | null, command: ContactCommand, context: DecideContext) {
    const { transition } = context
    super(snapshot, command, {
      context,
      kind: { step: (before, event) => stepContact(before, event, transition), contactSeqOf: () => null },
    })
  }

  apply<T extends ContactEventType>(type: T, data: EventData[T], contents: readonly Content[] = []): void {
    const { event, actions } = this.append(type, data, contents)
    if (actions.includes('drop')) putDrop(this, (event.data as EventData['contact.erased']).upToSeq)
  }

  /** The profile row, as the decision has left it. */
  get profile(): ProfileRow {
    const change = this.rows.find(({ shape }) => shape === 'profile')
    const known = change?.shape === 'profile' ? change.value : this.context.rows.profile()
    return known ?? { contactId: this.subjectId, organizationId: this.command.organizationId, profile: null, attributes: null }
  }

  putProfile(change: Partial<ProfileRow>): void {
    this.putRow({ key: keys.profile(this.subjectId), shape: 'profile', value: { ...this.profile, ...change } })
  }

  tellAll<T extends 'conversation.block' | 'conversation.opt' | 'conversation.erase'>(
    type: T,
    data: Command<T>['data'],
    accountId?: string,
  ): void {
    for (const identity of this.snapshot?.identities ?? []) {
      if (accountId !== undefined && identity.accountId !== accountId) continue
      putTell(this, { to: { kind: 'conversation', id: identity.conversationId }, type, data })
    }
  }
}

const empty: Profile = { name: null, emails: [], phones: [], avatarUrl: null, locale: null, timezone: null, company: null, userId: null }

const pickAll = (before: string[], known: string[]): string[] => (known.length === 0 ? before : known)

/** What a provider knows replaces; what it does not say stays. */
const mergeProfile = (before: Profile | null, known: Profile): Profile => {
  const from = before ?? empty
  return {
    name: known.name ?? from.name,
    emails: pickAll(from.emails, known.emails),
    phones: pickAll(from.phones, known.phones),
    avatarUrl: known.avatarUrl ?? from.avatarUrl,
    locale: known.locale ?? from.locale,
    timezone: known.timezone ?? from.timezone,
    company: known.company ?? from.company,
    userId: known.userId ?? from.userId,
  }
}

const isSameProfile = (a: Profile | null, b: Profile): boolean =>
  a !== null && JSON.stringify({ ...empty, ...a }) === JSON.stringify({ ...empty, ...b })

const changeProfile = (draft: Living, profile: Profile): void => {
  const before = draft.profile.profile
  if (isSameProfile(before ?? empty, profile)) return
  draft.apply('contact.changed', { supersedes: draft.snapshot.profile }, [{ kind: 'profile', body: profile }])
  draft.putProfile({ profile })
}

const introduce = (draft: ContactDraft, { data }: Command<'contact.introduce'>): void => {
  const { conversationId, accountId, channel, profile } = data
  const place = { conversationId, accountId, channel }
  const before = draft.snapshot
  const isKnown =
    before !== null && before.state !== 'erased' && before.identities.some((identity) => identity.conversationId === conversationId)
  if (before === null) {
    draft.apply('contact.created', place, profile === null ? [] : [{ kind: 'profile', body: profile }])
    draft.putProfile({ profile })
  } else if (!isKnown) draft.apply('contact.joined', place)
  const living = draft as Living
  // A fetched profile never overwrites what an agent wrote.
  if (before !== null && profile !== null && !living.snapshot.isProfileEdited)
    changeProfile(living, mergeProfile(living.profile.profile, profile))
  if (!isKnown && living.snapshot.state === 'blocked') {
    putTell(draft, { to: { kind: 'conversation', id: conversationId }, type: 'conversation.block', data: { isBlocked: true } })
  }
  draft.accept()
}

const change = (draft: Living, { data }: Command<'contact.change'>): void => {
  const values = data.attributes === null ? null : mergeAttributes(draft.profile.attributes ?? {}, data.attributes)
  if (values === 'too large') return void draft.refuse('attributes_too_large')
  if (data.profile !== null) changeProfile(draft, data.profile)
  if (values !== null) {
    draft.apply('contact.attributed', { supersedes: draft.snapshot.attributes }, [{ kind: 'attributes', body: { values } }])
    draft.putProfile({ attributes: values })
  }
  draft.accept()
}

const label = (draft: Living, { data }: Command<'contact.label'>): void => {
  const { settings } = draft.context
  const unknown = data.add.find((labelId) => settings.label?.(labelId) === false)
  if (unknown !== undefined) return void draft.refuse('label_unknown', { labelId: unknown })
  const { added, removed } = labelChange(draft.snapshot.labels, data)
  if (draft.snapshot.labels.length + added.length - removed.length > LABELS_MAX)
    return void draft.refuse('labels_too_many', { labelsMax: LABELS_MAX })
  if (added.length + removed.length > 0) draft.apply('contact.labeled', { added, removed })
  draft.accept()
}

const setBlocked = (draft: Living, isBlocked: boolean): void => {
  const { state } = draft.snapshot
  if (isBlocked ? state === 'active' : state === 'blocked') {
    draft.apply(isBlocked ? 'contact.blocked' : 'contact.unblocked', {})
    draft.tellAll('conversation.block', { isBlocked })
  }
  draft.accept()
}

const opt = (draft: Living, { data: { accountId, isOptedOut } }: Command<'contact.opt'>): void => {
  const isChange = draft.snapshot.identities.some((identity) => identity.accountId === accountId && identity.isOptedOut !== isOptedOut)
  if (isChange) {
    draft.apply(isOptedOut ? 'contact.opted-out' : 'contact.opted-in', { accountId })
    draft.tellAll('conversation.opt', { isOptedOut }, accountId)
  }
  draft.accept()
}

const erase = (draft: Living, { data }: Command<'contact.erase'>): void => {
  const { state, seq, generation } = draft.snapshot
  if (state !== 'erased') {
    // Who was blocked is let go of with everything else that was known of them.
    if (state === 'blocked') draft.tellAll('conversation.block', { isBlocked: false })
    draft.apply('contact.erased', { upToSeq: seq, generation: generation + 1 }, [{ kind: 'text', body: { text: data.reason } }])
    draft.putProfile({ profile: null, attributes: null })
    draft.tellAll('conversation.erase', { reason: null })
  }
  draft.accept()
}

/** As `contents.drop`: only what the erasure covers. */
const drop = (draft: Living, { data }: Command<'contact.drop'>): void => {
  draft.accept()
  for (const { seq, n } of data.references.slice(0, DROPS_MAX)) {
    if (seq <= draft.snapshot.erasedUpTo) draft.drops.push(keys.content(draft.subjectId, seq, n))
  }
}

const decideLiving = (draft: Living, command: ContactCommand): void => {
  switch (command.type) {
    case 'contact.introduce':
      return introduce(draft, command)
    case 'contact.change':
      return change(draft, command)
    case 'contact.label':
      return label(draft, command)
    case 'contact.block':
      return setBlocked(draft, true)
    case 'contact.unblock':
      return setBlocked(draft, false)
    case 'contact.opt':
      return opt(draft, command)
    case 'contact.erase':
      return erase(draft, command)
    case 'contact.effect-end':
      return draft.putEffect({ key: keys.effect(draft.subjectId, command.data.effectId), shape: 'tell', value: null })
    case 'contact.drop':
      return drop(draft, command)
  }
}

/** Pure; never throws for what the schemas allow but what `rows` throws. */
export const decideContact = (
  snapshot: ContactSnapshot | null,
  command: ContactCommand,
  context: DecideContext,
): Decision<ContactSnapshot> => {
  const draft = new ContactDraft(snapshot, command, context)
  if (command.type === 'contact.introduce') introduce(draft, command)
  else if (snapshot === null) draft.refuse('contact_not_found')
  else decideLiving(draft as Living, command)
  return draft.done()
}
