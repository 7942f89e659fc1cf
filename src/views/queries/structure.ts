// One hash over the structure of all rows: equal after any rebuild, and blind to content, so that erasing changes none (G8, G9).
// Between the rows file and the tests that delete it; and what of a subject's contents is still there, for the drop effect.

import { createHash, type Hash } from 'node:crypto'
import type { Contact, Conversation, Message } from '#schemas'
import { numberOf } from '../numbers.ts'
import type { Reader } from './reader.ts'
import { findContact, findConversation } from './rows.ts'

/** What of a conversation is structure: everything but names, addresses, attributes, previews. */
const structureOfConversation = ({
  contact: _contact,
  attributes: _attributes,
  lastMessage,
  unread: _unread,
  ...row
}: Conversation): object => ({
  ...row,
  lastMessage: lastMessage === null ? null : { ...lastMessage, author: lastMessage.author, preview: null },
})

const structureOfMessage = ({ content: _content, providerMessageId: _id, ...message }: Message): object => message

const structureOfContact = ({ id, organizationId, identities, labels, isBlocked, isErased, createdAt, seq }: Contact): object => ({
  id,
  organizationId,
  identities: identities.map(({ accountId, channel, conversationId, optedOut }) => ({ accountId, channel, conversationId, optedOut })),
  labels,
  isBlocked,
  isErased,
  createdAt,
  seq,
})

/** JSON with sorted keys: the order in which a fold has set fields is no structure. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  )
}

const add = (hash: Hash, value: unknown): void => void hash.update(`${JSON.stringify(canonical(value))}\n`)

/** SHA-256, hex. */
export const hashOf = (reader: Reader): string => {
  const hash = createHash('sha256')
  for (const { n, body } of reader.each('SELECT n, body FROM conversations ORDER BY n')) {
    add(hash, structureOfConversation(JSON.parse(body as string) as Conversation))
    const messages = reader.all('SELECT contentSeq, body FROM messages WHERE conversation = ? ORDER BY orderAt, seq', n as number)
    for (const message of messages) add(hash, [message['contentSeq'], structureOfMessage(JSON.parse(message['body'] as string) as Message)])
  }
  for (const { body } of reader.each('SELECT body FROM contacts ORDER BY n'))
    add(hash, structureOfContact(JSON.parse(body as string) as Contact))
  for (const row of reader.each('SELECT * FROM counters WHERE value <> 0 ORDER BY organization, account, name, assignee')) add(hash, row)
  for (const row of reader.each('SELECT * FROM labels ORDER BY label, conversation')) add(hash, row)
  for (const row of reader.each('SELECT * FROM marks ORDER BY conversation, agent')) add(hash, row)
  return hash.digest('hex')
}

export interface Remaining {
  readonly references: { seq: number; n: number }[]
  readonly messageIds: string[]
}

/** Contents of a subject up to `upToSeq` that still exist, oldest first, and the messages they belong to. */
export const contentsOf = (
  reader: Reader,
  { subjectId, upToSeq, limit }: { readonly subjectId: string; readonly upToSeq: number; readonly limit: number },
): Remaining => {
  const subject = findConversation(reader, subjectId)?.n ?? findContact(reader, subjectId)?.n ?? numberOf(subjectId)
  const found = reader.all(
    'SELECT seq, n, message FROM contents WHERE subject = ? AND seq <= ? ORDER BY seq, n LIMIT ?',
    subject,
    upToSeq,
    limit,
  )
  const messages = [...new Set(found.map(({ message }) => message as number))].filter((n) => n !== 0)
  return {
    references: found.map(({ seq, n }) => ({ seq: seq as number, n: n as number })),
    messageIds: messages.flatMap((n) => {
      const body = reader.get('SELECT body FROM messages WHERE n = ?', n)?.['body']
      return typeof body === 'string' ? [(JSON.parse(body) as Message).id] : []
    }),
  }
}
