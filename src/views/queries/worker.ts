// A query thread: answers one question after another, each in one read transaction with the positions it saw.
// Between the views on the main thread and the two files; one such thread for lists, one for searches, so that neither waits for the other.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { isDamage } from '../file.ts'
import type { ConversationQuery, SearchQuery, Viewer } from '../index.ts'
import { countAll, getContact, listContacts } from './contacts.ts'
import { getConversation, listConversations } from './conversations.ts'
import { getMessage, listMessages, type ThreadQuery } from './messages.ts'
import { Reader } from './reader.ts'
import { findConversation, withContactName } from './rows.ts'
import { search, searchHeads, searchHits, searchPeople, type SearchFiles } from './search.ts'
import { contentsOf, hashesOf } from './structure.ts'

type Contacts = { readonly text: string; readonly limit?: number; readonly after?: readonly (string | number)[] }

const encoder = new TextEncoder()

const questions = {
  conversations: ({ views }: SearchFiles, viewer: Viewer, query: ConversationQuery) => listConversations(views, viewer, query),
  conversationBytes: ({ views }: SearchFiles, viewer: Viewer, query: ConversationQuery) => {
    const { items, next } = listConversations(views, viewer, query)
    return { items: encoder.encode(JSON.stringify(items)), next }
  },
  conversation: ({ views }: SearchFiles, viewer: Viewer, id: string) => getConversation(views, viewer, id),
  messages: ({ views }: SearchFiles, viewer: Viewer, id: string, query: ThreadQuery) => listMessages(views, viewer, id, query),
  message: ({ views }: SearchFiles, viewer: Viewer, id: string, messageId: string) => getMessage(views, viewer, id, messageId),
  contacts: ({ views }: SearchFiles, viewer: Viewer, query: Omit<Contacts, 'text'>) => listContacts(views, viewer, query),
  contact: ({ views }: SearchFiles, viewer: Viewer, id: string) => getContact(views, viewer, id),
  counts: ({ views }: SearchFiles, viewer: Viewer) => countAll(views, viewer),
  rows: ({ views }: SearchFiles, ids: readonly string[]) =>
    ids.map((id) => {
      const found = findConversation(views, id)
      return found === undefined ? null : withContactName(views, found.row)
    }),
  hashes: ({ views }: SearchFiles) => hashesOf(views),
  contentsOf: ({ views }: SearchFiles, query: { subjectId: string; upToSeq: number; limit: number }) => contentsOf(views, query),
  search: (files: SearchFiles, viewer: Viewer, query: SearchQuery) => search(files, viewer, query),
  heads: (files: SearchFiles, viewer: Viewer, query: SearchQuery) => searchHeads(files, viewer, query),
  hits: (files: SearchFiles, viewer: Viewer, query: SearchQuery, without: readonly string[], limit: number) =>
    searchHits(files, viewer, query, without, limit),
  people: (files: SearchFiles, viewer: Viewer, query: Contacts) => searchPeople(files, viewer, query),
} as const

type Questions = typeof questions
export type QuestionName = keyof Questions
type Rest<F> = F extends (files: SearchFiles, ...rest: infer R) => unknown ? R : never
export type QuestionArguments<N extends QuestionName> = Rest<Questions[N]>
export type QuestionAnswer<N extends QuestionName> = ReturnType<Questions[N]>

export interface QueryOptions {
  readonly viewsFile: string
  readonly searchFile: string
}

export interface QueryRequest {
  readonly id: number
  readonly name: QuestionName
  readonly values: readonly unknown[]
  /** Partitions whose conversations it is about; undefined = all. */
  readonly within?: readonly number[]
}

/** `answer` and `positions` are JSON: made and read faster than a clone of objects. `items`: an answer's, where they go on as bytes. */
export type QueryReply =
  | { readonly id: number; readonly answer: string; readonly items?: Uint8Array<ArrayBuffer>; readonly positions: string }
  | { readonly id: number; readonly error: string; readonly isDamage: boolean }

const SEARCHING: ReadonlySet<QuestionName> = new Set(['search', 'people', 'heads', 'hits'])

// A worker thread always has one.
const port = parentPort as MessagePort
const options = workerData as QueryOptions
const files: SearchFiles = { views: new Reader(options.viewsFile), search: new Reader(options.searchFile) }

const ask = ({ id, name, values, within }: QueryRequest): QueryReply => {
  const question = questions[name] as (files: SearchFiles, ...values: readonly unknown[]) => unknown
  files.views.limitTo(within)
  const read = (): QueryReply => {
    const positions = (SEARCHING.has(name) ? files.search : files.views).positions()
    const answer = question(files, ...values)
    if (name !== 'conversationBytes') return { id, answer: JSON.stringify(answer), positions }
    const { items, ...rest } = answer as QuestionAnswer<'conversationBytes'>
    return { id, answer: JSON.stringify(rest), items, positions }
  }
  try {
    return files.views.atOnce(() => (SEARCHING.has(name) ? files.search.atOnce(read) : read()))
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error), isDamage: isDamage(error) }
  }
}

port.on('message', (request: QueryRequest | 'close') => {
  if (request !== 'close') {
    const reply = ask(request)
    return port.postMessage(reply, 'items' in reply && reply.items !== undefined ? [reply.items.buffer] : [])
  }
  files.views.close()
  files.search.close()
  return port.close()
})
