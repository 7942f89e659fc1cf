// Rows as a viewer may see them: grants first, then names, unread counts and watermarks filled in.
// Between stored bodies, which are the same for everybody, and what one caller is answered.

import { may, mayAccount, type Contact, type Conversation, type Grants, type Message } from '#schemas'
import { previewOf, sendStateOf } from '../folds.ts'
import { COLLISIONS_MAX, numberOf } from '../numbers.ts'
import type { Viewer } from '../index.ts'
import type { Reader } from './reader.ts'

/** Unread messages are counted up to this. */
const UNREAD_MAX = 100

export interface FoundConversation {
  readonly n: number
  readonly row: Conversation
}

const BY_NUMBER = (table: 'conversations' | 'contacts'): string => `SELECT n, id, body FROM ${table} WHERE n BETWEEN ? AND ?`

/** The stored row; undefined where there is none. No grants are asked. */
export const findConversation = (reader: Reader, id: string): FoundConversation | undefined => {
  const number = numberOf(id)
  const found = reader.all(BY_NUMBER('conversations'), number, number + COLLISIONS_MAX - 1).find((each) => each['id'] === id)
  return found === undefined ? undefined : { n: found['n'] as number, row: JSON.parse(found['body'] as string) as Conversation }
}

export const findContact = (reader: Reader, id: string): { readonly n: number; readonly row: Contact } | undefined => {
  const number = numberOf(id)
  const found = reader.all(BY_NUMBER('contacts'), number, number + COLLISIONS_MAX - 1).find((each) => each['id'] === id)
  return found === undefined ? undefined : { n: found['n'] as number, row: JSON.parse(found['body'] as string) as Contact }
}

/** The one question of who sees a conversation (G11). */
export const seesConversation = (grants: Grants, row: Pick<Conversation, 'id' | 'organizationId' | 'accountId'>): boolean => {
  if (row.organizationId !== grants.organizationId) return false
  if (grants.kind === 'contact') return row.id === grants.conversationId
  return may(grants, 'conversation.read') && mayAccount(grants, row.accountId)
}

export const seesContact = (grants: Grants, row: Contact): boolean =>
  row.organizationId === grants.organizationId &&
  grants.kind !== 'contact' &&
  may(grants, 'contact.read') &&
  (grants.accountIds === null || row.identities.some(({ accountId }) => mayAccount(grants, accountId)))

/** Name and address as the contact has them now: its own events may be newer, or have erased them. */
export const withContactName = (reader: Reader, row: Conversation): Conversation => {
  const contact = findContact(reader, row.contactId)?.row
  if (contact === undefined) return row
  const { isErased, name } = contact
  return {
    ...row,
    contact: { id: row.contactId, name: isErased ? null : (name ?? row.contact.name), address: isErased ? null : row.contact.address },
  }
}

const unreadOf = (reader: Reader, n: number, row: Conversation, viewer: Viewer): number => {
  const mark = reader.get('SELECT read FROM marks WHERE conversation = ? AND agent = ?', numberOf(row.id), numberOf(viewer.grants.id))
  const read = (mark?.['read'] as number | undefined) ?? 0
  const counted = reader.get(
    `SELECT count(*) AS unread FROM (SELECT 1 FROM messages WHERE conversation = ? AND direction = 0 AND seq > ? LIMIT ${UNREAD_MAX})`,
    n,
    read,
  )
  return (counted?.['unread'] as number | undefined) ?? 0
}

type LastMessage = Conversation['lastMessage']

/** Whoever may read no notes is shown the newest message that is none. */
const lastMessageFor = (reader: Reader, n: number, row: Conversation, mayNotes: boolean): LastMessage => {
  const last = row.lastMessage
  if (last === null || last.direction !== 'note' || mayNotes) return last
  const found = reader.get('SELECT body FROM messages WHERE conversation = ? AND direction < 2 ORDER BY orderAt DESC, seq DESC LIMIT 1', n)
  if (found === undefined) return null
  const { id, direction, author, content, at, send, seq, contactSeq, isDeleted } = JSON.parse(found['body'] as string) as Message
  const sendState = send === null ? null : sendStateOf(send.state, contactSeq, row.receipts)
  return {
    id,
    direction,
    author,
    preview: previewOf(content),
    at,
    sendState,
    ...(isDeleted ? { isDeleted } : {}),
    seq,
    contactSeq: contactSeq ?? null,
  }
}

/** What a contact is shown of its own conversation: no people, no labels, no inner states. */
const asContact = (row: Conversation): Conversation => ({
  ...row,
  contact: { id: row.contactId, name: row.contact.name, address: row.contact.address },
  state: 'open',
  snoozedUntil: null,
  cycle: 1,
  assignee: null,
  teamId: null,
  priority: 'none',
  labels: [],
  attributes: {},
  isBlocked: false,
  isOptedOut: false,
  startedBy: { kind: row.startedBy.kind, id: null },
  waitingSince: null,
  firstReplyAt: null,
  lastActivityAt: row.lastMessage?.at ?? row.createdAt,
  seq: row.contactSeq,
  lastMessage:
    row.lastMessage === null
      ? null
      : { ...row.lastMessage, author: { kind: row.lastMessage.author.kind, id: null }, seq: row.lastMessage.contactSeq ?? 0 },
  unread: 0,
})

/** A list row for one caller, whose grants let them see it. */
export const showConversation = (reader: Reader, viewer: Viewer, { n, row }: FoundConversation): Conversation => {
  const { grants } = viewer
  const isContact = grants.kind === 'contact'
  const named = withContactName(reader, row)
  const shown = { ...named, lastMessage: lastMessageFor(reader, n, row, !isContact && may(grants, 'note.read')) }
  return isContact ? asContact(shown) : { ...shown, unread: unreadOf(reader, n, row, viewer) }
}

/** A message for one caller: watermarks applied, the provider's part only where asked for. */
export const showMessage = (message: Message, receipts: Conversation['receipts'], viewer: Viewer): Message => {
  const shown: Message = { ...message }
  if (message.send !== null) shown.send = { ...message.send, state: sendStateOf(message.send.state, message.contactSeq, receipts) }
  if (message.content?.native !== undefined && viewer.includeNative !== true) {
    const { native: _native, ...content } = message.content
    shown.content = content
  }
  return shown
}

/** The contact's projection of a message; null for what they are not shown. The author's id stays for the way out to turn into a name. */
export const showMessageToContact = (message: Message): Message | null => {
  if (message.direction === 'note' || typeof message.contactSeq !== 'number') return null
  const { providerMessageId: _id, ...shown } = message
  if (shown.content?.native !== undefined) {
    const { native: _native, ...content } = shown.content
    shown.content = content
  }
  return { ...shown, seq: message.contactSeq, send: null }
}
