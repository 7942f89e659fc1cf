// The contact's machine and its fold: active, blocked or erased; snapshot = fold of contact-events.
// Between the events of `contact-events` and the decisions beside it; names and attributes stay in contents and the profile row.

import { assign, setup } from 'xstate'
import {
  CONTACT_VERSION,
  contactSnapshot,
  SITE_ID,
  type ContactSnapshot,
  type Event,
  type EventType,
  type StoredContent,
} from '#schemas/log'
import type { Transition } from '../decision.ts'

export type ContactEventType = Extract<EventType, `contact.${string}`>
type ContactEvent = Event<ContactEventType>
type Patch = Partial<ContactSnapshot>
type Fold<T extends ContactEventType> = (before: ContactSnapshot, event: Event<T>) => Patch

const unborn: ContactSnapshot = {
  version: CONTACT_VERSION,
  id: SITE_ID,
  organizationId: SITE_ID,
  state: 'active',
  seq: 0,
  at: 0,
  createdAt: 0,
  generation: 1,
  identities: [],
  profile: null,
  isProfileEdited: false,
  attributes: null,
  labels: [],
  erasedUpTo: 0,
  parkedAt: null,
}

const firstContent = ({ seq, contents }: Event): Patch['profile'] => (contents === 0 ? null : { seq, n: 0 })

const joined = (before: ContactSnapshot, event: Event<'contact.created' | 'contact.joined'>): Patch => {
  const { accountId, channel, conversationId } = event.data
  const others = before.identities.filter((identity) => identity.conversationId !== conversationId)
  const isOptedOut = before.identities.some((identity) => identity.accountId === accountId && identity.isOptedOut)
  const identities = [...others, { accountId, channel, conversationId, isOptedOut }]
  return event.contents === 0 ? { identities } : { identities, profile: { seq: event.seq, n: 0 } }
}

const opted =
  (isOptedOut: boolean): Fold<'contact.opted-out' | 'contact.opted-in'> =>
  ({ identities }, { data }) => ({
    identities: identities.map((identity) => (identity.accountId === data.accountId ? { ...identity, isOptedOut } : identity)),
  })

const isEdit = ({ by }: Event): boolean => by.kind === 'agent' || by.kind === 'token'

const folds: { readonly [T in ContactEventType]: Fold<T> } = {
  'contact.created': (before, event) => ({
    id: event.subjectId,
    organizationId: event.organizationId,
    createdAt: event.at,
    ...joined(before, event),
  }),
  'contact.joined': joined,
  'contact.changed': (before, event) => ({
    profile: firstContent(event) ?? null,
    isProfileEdited: before.isProfileEdited || isEdit(event),
  }),
  'contact.attributed': (_before, event) => ({ attributes: firstContent(event) ?? null }),
  'contact.labeled': ({ labels }, { data }) => ({ labels: [...labels.filter((label) => !data.removed.includes(label)), ...data.added] }),
  'contact.blocked': () => ({}),
  'contact.unblocked': () => ({}),
  'contact.opted-out': opted(true),
  'contact.opted-in': opted(false),
  'contact.erased': (_before, { data }) => ({
    erasedUpTo: data.upToSeq,
    generation: data.generation,
    profile: null,
    attributes: null,
    isProfileEdited: false,
  }),
}

export const contactEventTypes = Object.keys(folds) as ContactEventType[]

const patchOf = (before: ContactSnapshot, event: ContactEvent): Patch =>
  Object.assign<Patch, Patch>({ seq: event.seq, at: event.at }, (folds[event.type] as Fold<ContactEventType>)(before, event))

const stay = { actions: 'apply' } as const
const to = (target: ContactSnapshot['state']) => ({ target, actions: 'apply' }) as const

export const contactMachine = setup({
  types: { context: {} as ContactSnapshot, events: {} as ContactEvent },
  actions: { apply: assign(({ context, event }) => patchOf(context, event)), drop: (): void => {} },
}).createMachine({
  id: 'contact',
  context: {} as ContactSnapshot,
  initial: 'new',
  states: {
    new: { on: { 'contact.created': to('active') } },
    active: { on: { 'contact.blocked': to('blocked') } },
    blocked: { on: { 'contact.unblocked': to('active') } },
    // One who writes again starts empty; what they were told to receive or not stays.
    erased: { on: { 'contact.joined': to('active') } },
  },
  on: {
    'contact.joined': stay,
    'contact.changed': stay,
    'contact.attributed': stay,
    'contact.labeled': stay,
    'contact.opted-out': stay,
    'contact.opted-in': stay,
    'contact.erased': { target: '.erased', actions: ['apply', 'drop'] },
  },
})

/** One step of the fold. Throws where the machine does not know the event in its state: poison. */
export const stepContact = (
  snapshot: ContactSnapshot | null,
  event: Event,
  transition: Transition,
): { readonly snapshot: ContactSnapshot; readonly actions: readonly string[] } => {
  const before = snapshot ?? unborn
  if (snapshot === null && event.type !== 'contact.created') throw new Error(`a contact begins with contact.created, not ${event.type}`)
  if (event.seq !== before.seq + 1) throw new Error(`event ${event.seq} does not follow ${before.seq}`)
  const { value, context, actions } = transition(
    contactMachine,
    { value: snapshot === null ? 'new' : snapshot.state, context: before },
    event,
  )
  if (context === before) throw new Error(`the contact machine does not know ${event.type} in state ${before.state}`)
  return { snapshot: context.state === value ? context : { ...context, state: value as ContactSnapshot['state'] }, actions }
}

/** `contents` are those the event introduces; the snapshot never depends on them. */
export const evolveContact = (
  snapshot: ContactSnapshot | null,
  event: Event,
  _contents: readonly StoredContent[],
  transition: Transition,
): ContactSnapshot => stepContact(snapshot, event, transition).snapshot

/** A stored snapshot as today's; null = fold anew. */
export const loadContact = (decoded: unknown): ContactSnapshot | null => {
  const snapshot = decoded as Readonly<Record<string, unknown>> | null
  if (snapshot === null || typeof snapshot !== 'object' || snapshot['version'] !== CONTACT_VERSION) return null
  const isWhole = Object.keys(contactSnapshot.fields).every((field) => snapshot[field] !== undefined)
  return isWhole && ['active', 'blocked', 'erased'].includes(snapshot['state'] as string) ? (snapshot as unknown as ContactSnapshot) : null
}
