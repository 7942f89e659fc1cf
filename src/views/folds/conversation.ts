// The fold of a conversation's list row. An event that carries the row sets its structure, the others are deltas,
// kept equal to the actor's own fold. Between events (JSON, contents filled in) and rows on server and client.

import type { Content, Conversation, EventShape, SendStateName } from '#schemas'
import { laterState, sendStateOf } from './message.ts'
import { previewOf } from './preview.ts'

type Row = Conversation
type LastMessage = NonNullable<Row['lastMessage']>

interface Data {
  readonly row?: Partial<Row> & Pick<Row, 'id'>
  readonly messageId?: string | null
  readonly upToSeq?: number | null
  readonly attempt?: number
  readonly window?: { readonly expiresAt: string } | null
  readonly content?: Content
  readonly attributes?: Record<string, string>
  readonly address?: { readonly userId: string }
  readonly profile?: { readonly name: string | null }
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
  readonly after?: string
  readonly isBlocked?: boolean
  readonly sendAt?: string | null
  readonly isDue?: boolean
  readonly isStandby?: boolean | null
  readonly to?: NonNullable<Row['offer']>['to'] | null
  readonly expiresAt?: string
  readonly participants?: readonly string[]
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** As `refOf` of schemas/ids.ts, which browsers cannot load: the first 8 base32 digits of the id. */
const refOf = (id: string): string => {
  const bits = BigInt(`0x${id.replaceAll('-', '').slice(0, 10)}`)
  return Array.from({ length: 8 }, (_, index) => BASE32[Number((bits >> BigInt(35 - 5 * index)) & 31n)]).join('')
}

const created = (event: EventShape, { row, address, profile }: Data): Row | null => {
  if (row === undefined) return null
  const structure = row as Row
  return {
    ...structure,
    ref: refOf(structure.id),
    organizationId: event.organizationId,
    // A visitor id of the web chat is nobody's address.
    contact: {
      id: structure.contactId,
      name: profile?.name ?? null,
      address: structure.channel === 'web' ? null : (address?.userId ?? null),
    },
    attributes: {},
    window: null,
    isBlocked: false,
    receipts: { delivered: 0, read: 0 },
    lastMessage: null,
    unread: 0,
  }
}

const lastMessageOf = (event: EventShape, { messageId, content }: Data): LastMessage => ({
  id: messageId ?? '',
  direction: event.type === 'message.received' ? 'in' : event.type === 'note.added' ? 'note' : 'out',
  author: event.by,
  preview: previewOf(content ?? null),
  at: event.at,
  sendState: event.type === 'message.queued' ? 'queued' : null,
  seq: event.seq,
  contactSeq: event.contactSeq ?? null,
})

const received = (row: Row, event: EventShape, data: Data): Row => ({
  ...row,
  lastInboundAt: event.at,
  lastActivityAt: row.isBlocked ? row.lastActivityAt : event.at,
  waitingSince: row.isBlocked || row.isOptedOut === true || data.isStandby === true ? row.waitingSince : (row.waitingSince ?? event.at),
  window: data.window === null || data.window === undefined ? row.window : { expiresAt: data.window.expiresAt },
  lastMessage: lastMessageOf(event, data),
  unread: row.unread + 1,
})

const queued = (row: Row, event: EventShape, data: Data): Row => {
  // What waits for its time is no last word yet.
  if (data.sendAt !== null && data.sendAt !== undefined) return row
  if ((data.attempt ?? 1) > 1 && data.isDue !== true) return withSendState(row, data, 'queued')
  const after: Row = { ...row, lastActivityAt: event.at, lastMessage: lastMessageOf(event, data) }
  if (event.by.kind !== 'agent' && event.by.kind !== 'bot' && event.by.kind !== 'provider') return after
  after.lastReplyAt = event.at
  after.waitingSince = null
  if (event.by.kind === 'agent') after.firstReplyAt = row.firstReplyAt ?? event.at
  return after
}

const changeLast = (row: Row, data: Data, change: Partial<LastMessage>): Row =>
  row.lastMessage === null || row.lastMessage.id !== data.messageId ? row : { ...row, lastMessage: { ...row.lastMessage, ...change } }

const withSendState = (row: Row, data: Data, sendState: SendStateName): Row => changeLast(row, data, { sendState })

/** What a report says of the last message: never less than what is known. */
const withReport = (row: Row, data: Data, said: SendStateName): Row =>
  withSendState(row, data, laterState(row.lastMessage?.sendState ?? 'queued', said))

const withReceipt = (row: Row, data: Data, kind: 'delivered' | 'read'): Row => {
  if (data.upToSeq === null || data.upToSeq === undefined) return withReport(row, data, kind)
  const delivered = Math.max(row.receipts.delivered, data.upToSeq)
  const read = kind === 'read' ? Math.max(row.receipts.read, data.upToSeq) : row.receipts.read
  const { lastMessage } = row
  const receipts = { delivered, read }
  if (lastMessage === null || lastMessage.sendState === null) return { ...row, receipts }
  return {
    ...row,
    receipts,
    lastMessage: { ...lastMessage, sendState: sendStateOf(lastMessage.sendState, lastMessage.contactSeq, receipts) },
  }
}

const erased = (row: Row, upToSeq: number): Row => ({
  ...row,
  contact: { ...row.contact, name: null, address: null },
  attributes: {},
  lastInboundAt: null,
  waitingSince: null,
  lastMessage: row.lastMessage === null || (row.lastMessage.seq ?? 0) > upToSeq ? row.lastMessage : { ...row.lastMessage, preview: '' },
})

const offered = (row: Row, { to, expiresAt }: Data): Row =>
  to === null || to === undefined || expiresAt === undefined ? row : { ...row, offer: { to, expiresAt } }

const withoutOffer = (row: Row): Row => (row.offer === null || row.offer === undefined ? row : { ...row, offer: null })

/** An event that carries the row: the structure is the event's, everything else stays. */
const withStructure = (row: Row, structure: Partial<Row> & Pick<Row, 'id'>): Row => {
  const after = { ...row, ...structure }
  // Whoever gets it meanwhile, the offer is void.
  return after.assignee?.id === row.assignee?.id && after.assignee?.kind === row.assignee?.kind ? after : withoutOffer(after)
}

const step = (row: Row, event: EventShape, data: Data): Row => {
  switch (event.type) {
    case 'message.received':
      return received(row, event, data)
    case 'message.queued':
      return queued(row, event, data)
    case 'note.added':
      return { ...row, lastActivityAt: event.at, lastMessage: lastMessageOf(event, data) }
    case 'message.sent':
      return withReport(row, data, 'sent')
    case 'message.delivered':
      return withReceipt(row, data, 'delivered')
    case 'message.read':
      return withReceipt(row, data, 'read')
    case 'message.failed':
      return withReport(row, data, 'failed')
    case 'message.unknown':
      return withReport(row, data, 'unknown')
    case 'message.settled':
      return withSendState(row, data, data.after as SendStateName)
    case 'message.edited':
    case 'note.edited':
    case 'message.attached':
      return row.lastMessage?.isDeleted === true ? row : changeLast(row, data, { preview: previewOf(data.content ?? null) })
    case 'message.deleted':
    case 'note.deleted':
      return changeLast(row, data, { preview: '', isDeleted: true })
    case 'conversation.labeled':
      return { ...row, labels: [...row.labels.filter((label) => !data.removed?.includes(label)), ...(data.added ?? [])] }
    case 'conversation.prioritized':
      return { ...row, priority: data.after as Row['priority'] }
    case 'conversation.changed':
      return { ...row, attributes: data.attributes ?? {} }
    case 'conversation.joined':
      return { ...row, participants: [...(row.participants ?? []), ...(data.participants ?? [])] }
    case 'conversation.left':
      return { ...row, participants: (row.participants ?? []).filter((id) => data.participants?.includes(id) !== true) }
    case 'handover.offered':
      return offered(row, data)
    case 'handover.accepted':
    case 'handover.passed':
    case 'handover.released':
    case 'handover.expired':
      return withoutOffer(row)
    case 'window.opened':
      return { ...row, window: data.window === null || data.window === undefined ? row.window : { expiresAt: data.window.expiresAt } }
    case 'conversation.blocked':
      return { ...row, isBlocked: data.isBlocked === true }
    case 'conversation.opted':
      return { ...row, isOptedOut: (event.data as { isOptedOut?: boolean }).isOptedOut === true }
    case 'conversation.erased':
      return erased(row, data.upToSeq ?? 0)
    default:
      return row
  }
}

/** What a contact's event changes in the rows of its conversations: the name shown. */
const withContact = (row: Row, event: EventShape, data: Data): Row => {
  if (event.subject.id !== row.contactId) return row
  if (event.type === 'contact.erased') return { ...row, contact: { ...row.contact, name: null, address: null } }
  return data.profile === undefined ? row : { ...row, contact: { ...row.contact, name: data.profile.name } }
}

/**
 * The list row after an event; an event that the row has seen (`seq` not above its own) changes nothing, null where the conversation
 * is not known. `unread` counts inbound messages since the row was read: only the server knows the caller's mark.
 */
export const foldConversation = (row: Conversation | null, event: EventShape): Conversation | null => {
  const data = event.data as Data
  if (event.subject.kind === 'contact') return row === null ? null : withContact(row, event, data)
  if (row === null) return event.type === 'conversation.created' ? created(event, data) : null
  if (event.subject.id !== row.id || event.seq <= row.seq) return row
  const after = data.row === undefined ? step(row, event, data) : withStructure(row, data.row)
  return { ...after, seq: event.seq, contactSeq: event.contactSeq ?? row.contactSeq }
}
