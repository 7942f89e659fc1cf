// The store: frames folded into conversations, messages, contacts, marks and settings, by the same folds as the server's views.
// Between a line and whoever shows or uses state; `subscribe` and `getState` are what React's useSyncExternalStore asks for.

import type { Contact, Conversation, EventShape, Message, Scope } from '#schemas'
import { foldContact, foldConversation, foldMessage, messageIdOf } from '#views/folds'
import type { AppliedFrame } from './line.ts'

export interface Mark {
  readonly rev: number
  readonly value: Readonly<Record<string, unknown>>
}

/** Replaced, never changed: what is the same object is the same. */
export interface ClientState {
  readonly conversations: ReadonlyMap<string, Conversation>
  /** Of conversations whose thread was taken up, in thread order. */
  readonly messages: ReadonlyMap<string, readonly Message[]>
  readonly contacts: ReadonlyMap<string, Contact>
  /** `conversation/agent`, and the conversation's id for what a contact is told of reading. */
  readonly marks: ReadonlyMap<string, Mark>
  /** `<kind>/<id>` → public form. */
  readonly settings: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  /** Who the server says this is; null before it has. */
  readonly principalId: string | null
}

export interface Store {
  getState(): ClientState
  /** Answers the unsubscribe function. */
  subscribe(listener: () => void): () => void
  /** For `onFrame`: folds the frame in one synchronous step. */
  apply(frame: AppliedFrame): void
}

export const emptyState: ClientState = {
  conversations: new Map(),
  messages: new Map(),
  contacts: new Map(),
  marks: new Map(),
  settings: new Map(),
  principalId: null,
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> => {
  if (map.get(key) === value) return map
  const copy = new Map(map)
  if (value === undefined) copy.delete(key)
  else copy.set(key, value)
  return copy
}

const comesBefore = (one: Message, other: Message): boolean =>
  one.orderAt === other.orderAt ? one.seq < other.seq : one.orderAt < other.orderAt

/** In thread order; a message that is there already is replaced. */
const withMessage = (messages: readonly Message[], message: Message): readonly Message[] => {
  const rest = messages.filter(({ id }) => id !== message.id)
  const at = rest.findLastIndex((each) => comesBefore(each, message)) + 1
  return [...rest.slice(0, at), message, ...rest.slice(at)]
}

const bornWithKey = (message: Message, { data }: EventShape): Message =>
  typeof data['clientId'] === 'string' ? { ...message, clientId: data['clientId'] } : message

/** A message's own event changes that one, an erasure all of them. */
const messagesAfter = (messages: readonly Message[], event: EventShape): readonly Message[] => {
  if (event.type === 'conversation.erased') return messages.map((message) => foldMessage(message, event) ?? message)
  const id = messageIdOf(event)
  if (id === null) return messages
  const known = messages.find((message) => message.id === id)
  const after = foldMessage(known ?? null, event)
  if (after === null || after === known) return messages
  return withMessage(messages, known === undefined ? bornWithKey(after, event) : after)
}

const withContactEvent = (state: ClientState, event: EventShape): ClientState => {
  const contact = foldContact(state.contacts.get(event.subject.id) ?? null, event)
  let { conversations } = state
  for (const row of conversations.values()) {
    if (row.contactId === event.subject.id) conversations = withEntry(conversations, row.id, foldConversation(row, event) ?? row)
  }
  return { ...state, conversations, contacts: contact === null ? state.contacts : withEntry(state.contacts, contact.id, contact) }
}

const withEvent = (state: ClientState, event: EventShape): ClientState => {
  if (event.subject.kind === 'contact') return withContactEvent(state, event)
  if (event.subject.kind !== 'conversation') return state
  const { id } = event.subject
  const row = foldConversation(state.conversations.get(id) ?? null, event)
  const thread = state.messages.get(id)
  return {
    ...state,
    conversations: row === null ? state.conversations : withEntry(state.conversations, id, row),
    messages: thread === undefined ? state.messages : withEntry(state.messages, id, messagesAfter(thread, event)),
  }
}

const withSnapshot = (state: ClientState, frame: Extract<AppliedFrame, { frame: 'snapshot' }>): ClientState => {
  const conversations = new Map(state.conversations)
  const rows = frame.items as readonly Conversation[]
  const { conversationId } = frame
  // What a list read a moment ago does not undo what has come since; a conversation taken up anew does.
  for (const row of rows) {
    if (conversationId !== undefined || (conversations.get(row.id)?.seq ?? -1) <= row.seq) conversations.set(row.id, row)
  }
  // A thread may be taken up before its first message: it is empty then, and followed all the same.
  const messages =
    conversationId === undefined ? state.messages : withEntry(state.messages, conversationId, (frame.messages ?? []) as Message[])
  return (frame.states ?? []).reduce(withState, { ...state, conversations, messages })
}

const withState = (
  state: ClientState,
  { kind, id, rev, value }: { kind: string; id: string; rev: number; value?: unknown },
): ClientState => {
  if (kind === 'mark' || kind === 'read') {
    const isNews = rev >= (state.marks.get(id)?.rev ?? -1)
    return isNews ? { ...state, marks: withEntry(state.marks, id, { rev, value: value as Mark['value'] }) } : state
  }
  return { ...state, settings: withEntry(state.settings, `${kind}/${id}`, value === null ? undefined : (value as Mark['value'])) }
}

/** Whether the row stands in a list's scope. */
const isIn = (row: Conversation, scope: Scope, me: string | null): boolean => {
  if ('account' in scope) return row.accountId === scope.account
  if ('team' in scope) return row.teamId === scope.team
  if ('contact' in scope) return row.contactId === scope.contact
  if ('conversation' in scope) return row.id === scope.conversation
  if (!('assignee' in scope)) return true
  if (scope.assignee === 'none') return row.assignee === null
  return row.assignee?.id === (scope.assignee === 'me' ? me : scope.assignee)
}

/**
 * Permission or place lost: what was known of this scope is not shown any longer; its snapshot follows.
 * Other scopes keep theirs: a thread that is followed has a subscription of its own, which is told by a frame of its own.
 */
const withoutScope = (state: ClientState, { scope }: Extract<AppliedFrame, { frame: 'resync' }>): ClientState => {
  if (scope === undefined) return { ...state, conversations: new Map(), messages: new Map() }
  if ('conversation' in scope) {
    return {
      ...state,
      conversations: withEntry(state.conversations, scope.conversation, undefined),
      messages: withEntry(state.messages, scope.conversation, undefined),
    }
  }
  const kept = [...state.conversations].filter(([id, row]) => state.messages.has(id) || !isIn(row, scope, state.principalId))
  const contacts = 'contact' in scope ? withEntry(state.contacts, scope.contact, undefined) : state.contacts
  return { ...state, conversations: new Map(kept), contacts }
}

/** The state after a frame. Pure. */
export const foldFrame = (state: ClientState, frame: AppliedFrame): ClientState => {
  switch (frame.frame) {
    case 'event':
      return withEvent(state, frame.event)
    case 'snapshot':
      return withSnapshot(state, frame)
    case 'state':
      return withState(state, frame)
    case 'resync':
      return withoutScope(state, frame)
    case 'welcome':
      return state.principalId === frame.principal.id ? state : { ...state, principalId: frame.principal.id }
    case 'ephemeral':
    case 'error':
      return state
  }
}

export const openStore = (first: ClientState = emptyState): Store => {
  let state = first
  const listeners = new Set<() => void>()
  return {
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    apply(frame) {
      const after = foldFrame(state, frame)
      if (after === state) return
      state = after
      for (const listener of listeners) listener()
    },
  }
}
