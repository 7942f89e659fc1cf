// The visitor's thread as a value: messages, what is on its way, watermarks of both sides, who types.
// Pure, between frames of the contact's own projection and the views that draw it.

import { foldMessage, messageIdOf } from '#client'
import type { EventShape, Message, Problem } from '#schemas'

export type Connection = 'connecting' | 'live' | 'catching-up' | 'reconnecting' | 'offline' | 'ended'

export interface PendingMessage {
  readonly clientId: string
  readonly text: string
  readonly attachments: readonly { readonly fileId: string; readonly name: string }[]
  readonly at: string
  readonly problem: Problem | null
}

export interface ChatState {
  readonly connection: Connection
  readonly messages: readonly Message[]
  readonly pending: readonly PendingMessage[]
  /** Of the last event applied, in the visitor's own numbering. */
  readonly seq: number
  /** The visitor has seen everything of ours up to here; what the server was told. */
  readonly delivered: number
  readonly read: number
  /** The team has seen everything of the visitor's up to here. */
  readonly readByTeam: number
  /** Who types, by the name shown; null = nobody. */
  readonly typing: string | null
}

export const initialState: ChatState = {
  connection: 'connecting',
  messages: [],
  pending: [],
  seq: 0,
  delivered: 0,
  read: 0,
  readByTeam: 0,
  typing: null,
}

const isStored = (messages: readonly Message[], { clientId }: PendingMessage): boolean =>
  messages.some((message) => message.clientId === clientId)

const withoutStored = (state: ChatState): ChatState => ({
  ...state,
  pending: state.pending.filter((pending) => !isStored(state.messages, pending)),
})

interface SnapshotRow {
  readonly seq: number
  readonly receipts: { readonly delivered: number; readonly read: number }
}

/** What a subscription starts from; it replaces all but what is still on its way. */
export const withSnapshot = (state: ChatState, row: SnapshotRow | undefined, messages: readonly Message[]): ChatState =>
  withoutStored({ ...state, messages, seq: row?.seq ?? 0, delivered: row?.receipts.delivered ?? 0, read: row?.receipts.read ?? 0 })

const placed = (messages: readonly Message[], message: Message): readonly Message[] => {
  const at = messages.findIndex(({ id }) => id === message.id)
  return at < 0 ? [...messages, message] : messages.with(at, message)
}

/** An event of the contact's projection; one that is known already changes nothing. */
export const withEvent = (state: ChatState, event: EventShape): ChatState => {
  if (event.subject.kind !== 'conversation' || event.seq <= state.seq) return state
  const after = { ...state, seq: event.seq }
  const { upToSeq, clientId } = event.data
  if (event.type === 'message.read' && typeof upToSeq === 'number')
    return { ...after, read: Math.max(state.read, upToSeq), delivered: Math.max(state.delivered, upToSeq) }
  if (event.type === 'message.delivered' && typeof upToSeq === 'number') return { ...after, delivered: Math.max(state.delivered, upToSeq) }
  const id = messageIdOf(event)
  if (id === null) return after
  const known = state.messages.find((message) => message.id === id)
  const message = foldMessage(known ?? null, event)
  if (message === null || message === known) return after
  const born = known === undefined && typeof clientId === 'string' ? { ...message, clientId } : message
  const isAnswer = known === undefined && message.direction === 'out'
  return withoutStored({ ...after, messages: placed(state.messages, born), typing: isAnswer ? null : state.typing })
}

/** Fresh links into the attachments of messages that are shown. */
export const withLinks = (state: ChatState, fresh: readonly Message[]): ChatState => {
  const links = new Map(
    fresh
      .flatMap(({ content }) => content?.attachments ?? [])
      .flatMap(({ fileId, url }) => (fileId === null || url === undefined ? [] : [[fileId, url] as const])),
  )
  const messages = state.messages.map((message) => {
    const attachments = message.content?.attachments?.map((each) => ({
      ...each,
      ...(links.has(each.fileId ?? '') ? { url: links.get(each.fileId ?? '') ?? '' } : {}),
    }))
    return message.content === null || attachments === undefined || attachments.length === 0
      ? message
      : { ...message, content: { ...message.content, attachments } }
  })
  return { ...state, messages }
}

/** Whether some file is shown without a link: links come with what is read, not with events. */
export const lacksLinks = ({ messages }: ChatState): boolean =>
  messages.some(
    ({ content }) =>
      content?.attachments?.some(({ fileId, state, url }) => fileId !== null && state === 'ready' && url === undefined) === true,
  )

/** Ours that the visitor has not read. */
export const unreadOf = (state: ChatState): number =>
  state.messages.filter((message) => message.direction === 'out' && message.seq > state.read).length

/** The newest of ours: what there is to acknowledge. */
export const newestAnswer = (state: ChatState): number => state.messages.findLast((message) => message.direction === 'out')?.seq ?? 0

export type OwnMark = 'delivered' | 'read'

/** The mark under the visitor's newest message. */
export const markOf = (state: ChatState): { readonly id: string; readonly mark: OwnMark } | null => {
  const last = state.messages.findLast((message) => message.direction === 'in')
  return last === undefined || state.pending.length > 0 ? null : { id: last.id, mark: last.seq <= state.readByTeam ? 'read' : 'delivered' }
}
