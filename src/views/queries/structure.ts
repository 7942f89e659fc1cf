// One hash over the structure of all rows: equal after any rebuild, and blind to content, so that erasing changes none (G8, G9).
// Between the rows file and the tests that delete it; and what of a subject's contents is still there, for the drop effect.

import { createHash, type Hash } from 'node:crypto'
import type { Contact, Conversation, Message } from '#schemas'
import { partitionOf } from '#log/partition'
import { PARTITIONS } from '#topics'
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

/** SHA-256 over the rows of each partition asked for, hex: the same whichever node folds it, and beside whatever else. */
export const hashesOf = (reader: Reader): Readonly<Record<number, string>> => {
  const partitions = [...(reader.within ?? Array.from({ length: PARTITIONS }, (_, partition) => partition))]
  const hashes = new Map(partitions.map((partition) => [partition, createHash('sha256')]))
  const numbers = new Map<number, Hash>()
  for (const { n, id, body } of reader.each('SELECT n, id, body FROM conversations ORDER BY n')) {
    const hash = hashes.get(partitionOf(id as string))
    if (hash === undefined) continue
    numbers.set(numberOf(id as string), hash)
    numbers.set(n as number, hash)
    add(hash, structureOfConversation(JSON.parse(body as string) as Conversation))
    const messages = reader.all('SELECT contentSeq, body FROM messages WHERE conversation = ? ORDER BY orderAt, seq', n as number)
    for (const message of messages) add(hash, [message['contentSeq'], structureOfMessage(JSON.parse(message['body'] as string) as Message)])
  }
  for (const { id, body } of reader.each('SELECT id, body FROM contacts ORDER BY n')) {
    const hash = hashes.get(partitionOf(id as string))
    if (hash !== undefined) add(hash, structureOfContact(JSON.parse(body as string) as Contact))
  }
  for (const row of reader.each('SELECT * FROM counters WHERE value <> 0 ORDER BY organization, account, name, assignee, partition')) {
    const hash = hashes.get(row['partition'] as number)
    if (hash !== undefined) add(hash, row)
  }
  for (const table of ['SELECT * FROM labels ORDER BY label, conversation', 'SELECT * FROM marks ORDER BY conversation, agent'])
    for (const row of reader.each(table)) {
      const hash = numbers.get(row['conversation'] as number)
      if (hash !== undefined) add(hash, row)
    }
  return Object.fromEntries([...hashes].map(([partition, hash]) => [partition, hash.digest('hex')]))
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
