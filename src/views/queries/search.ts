// Search: newest hits first, read off the index as far as the page needs; every hit is asked again who may see it.
// Between a SearchQuery, the search file and the rows that hits point to.

import { may, type Contact, type Grants, type Message } from '#schemas'
import { numberOf } from '../numbers.ts'
import { matchOf, phoneMatchOf, scopes, snippetOf, textOf } from '../search/text.ts'
import type { SearchHit, SearchQuery, Viewer } from '../index.ts'
import { clampLimit, type PageOf } from './conversations.ts'
import type { Reader } from './reader.ts'
import { findConversation, seesContact, seesConversation } from './rows.ts'

/** Hits looked at for one page of conversations, of which many may be the same one. */
const SCANNED_MAX = 2_000
/** Contacts whose conversations head the first page. */
const PEOPLE_MAX = 10

export interface SearchFiles {
  readonly views: Reader
  readonly search: Reader
}

const nothing: PageOf<never> = { items: [], next: null }

/** Tenant, accounts and kind as terms: what a caller may not see is no hit to begin with. */
const scopeMatch = (grants: Grants, isPeople: boolean): string => {
  const terms = [scopes.organization(numberOf(grants.organizationId))]
  if (grants.accountIds !== null) terms.push(`(${grants.accountIds.map((id) => scopes.account(numberOf(id))).join(' OR ')})`)
  if (!isPeople && !may(grants, 'note.read')) terms.push(scopes.said)
  return `scope : (${terms.join(' AND ')})`
}

const startOf = (after: SearchQuery['after']): number => {
  const n = Number(after?.[0])
  return Number.isSafeInteger(n) && n > 0 ? n : Number.MAX_SAFE_INTEGER
}

interface FoundMessage {
  readonly n: number
  readonly message: Message
}

const messageOf = ({ views, search }: SearchFiles, viewer: Viewer, n: number): FoundMessage | undefined => {
  const entry = search.get('SELECT conversation, key FROM entries WHERE n = ?', n)
  if (entry === undefined) return undefined
  for (const found of views.all('SELECT body FROM messages WHERE key = ?', entry['key'] as number)) {
    const message = JSON.parse(found['body'] as string) as Message
    if (numberOf(message.conversationId) !== entry['conversation'] || message.content === null) continue
    if (message.direction === 'note' && !may(viewer.grants, 'note.read')) continue
    const conversation = findConversation(views, message.conversationId)?.row
    if (conversation !== undefined && seesConversation(viewer.grants, conversation)) return { n, message }
  }
  return undefined
}

const eachHit = function* ({ search }: SearchFiles, viewer: Viewer, query: SearchQuery): Generator<number> {
  const match = matchOf(query.text)
  if (match === null) return
  const sql = 'SELECT rowid AS n FROM words WHERE words MATCH ? AND rowid < ? ORDER BY rowid DESC'
  for (const found of search.each(sql, `${scopeMatch(viewer.grants, false)} AND body : (${match})`, startOf(query.after)))
    yield found['n'] as number
}

const hitOf = ({ message }: FoundMessage, text: string): SearchHit => ({
  conversationId: message.conversationId,
  messageId: message.id,
  at: message.orderAt,
  snippet: snippetOf(textOf(message.content), text),
})

const searchMessages = (files: SearchFiles, viewer: Viewer, query: SearchQuery): PageOf<SearchHit> => {
  const limit = clampLimit(query.limit)
  const items: SearchHit[] = []
  let last = 0
  for (const n of eachHit(files, viewer, query)) {
    if (items.length === limit) return { items, next: [last] }
    const found = messageOf(files, viewer, n)
    if (found === undefined) continue
    last = n
    items.push(hitOf(found, query.text))
  }
  return { items, next: null }
}

interface FoundContact {
  readonly n: number
  readonly row: Contact
}

const findPeople = (
  { search }: SearchFiles,
  viewer: Viewer,
  { text, after, limit }: { readonly text: string; readonly after?: SearchQuery['after']; readonly limit: number },
): FoundContact[] => {
  if (!may(viewer.grants, 'contact.read')) return []
  const words = matchOf(text)
  const phone = phoneMatchOf(text)
  const match = [...(words === null ? [] : [`body : (${words})`]), ...(phone === null ? [] : [`digits : (${phone})`])].join(' OR ')
  if (match === '') return []
  const people: FoundContact[] = []
  const sql = 'SELECT rowid AS n FROM names WHERE names MATCH ? AND rowid < ? ORDER BY rowid DESC'
  for (const found of search.each(sql, `${scopeMatch(viewer.grants, true)} AND (${match})`, startOf(after))) {
    const n = found['n'] as number
    const body = search.get('SELECT body FROM people WHERE n = ?', n)?.['body']
    if (typeof body !== 'string') continue
    const row = JSON.parse(body) as Contact
    if (!row.isErased && seesContact(viewer.grants, row)) people.push({ n, row })
    if (people.length === limit) break
  }
  return people
}

const nameOf = (row: Contact): string =>
  [row.name, row.company, ...row.emails, ...row.phones].filter((part) => part !== null && part !== '').join(' · ')

const contactHit = (row: Contact, conversationId: string, text: string): SearchHit => ({
  conversationId,
  contactId: row.id,
  at: row.createdAt,
  snippet: snippetOf(nameOf(row), text),
})

const pageOfPeople = (
  files: SearchFiles,
  viewer: Viewer,
  query: { readonly text: string; readonly limit?: number; readonly after?: SearchQuery['after'] },
): PageOf<Contact> => {
  const limit = clampLimit(query.limit)
  const people = findPeople(files, viewer, { text: query.text, after: query.after, limit: limit + 1 })
  const page = people.slice(0, limit)
  return { items: page.map(({ row }) => row), next: people.length > limit ? [page.at(-1)?.n ?? 0] : null }
}

/** Contacts whose names, addresses or numbers fit. */
export const searchPeople = (
  files: SearchFiles,
  viewer: Viewer,
  query: { readonly text: string; readonly limit?: number; readonly after?: SearchQuery['after'] },
): PageOf<Contact> => (viewer.grants.kind === 'contact' ? nothing : pageOfPeople(files, viewer, query))

const conversationsOf = (files: SearchFiles, viewer: Viewer, row: Contact): string[] =>
  row.identities.flatMap(({ conversationId }) => {
    const conversation = findConversation(files.views, conversationId)?.row
    return conversation !== undefined && seesConversation(viewer.grants, conversation) ? [conversationId] : []
  })

/** One hit a conversation: those of contacts that fit head the first page, then by newest message. */
const searchConversations = (files: SearchFiles, viewer: Viewer, query: SearchQuery): PageOf<SearchHit> => {
  const limit = clampLimit(query.limit)
  const hits = new Map<string, SearchHit>()
  const people = query.after === undefined ? findPeople(files, viewer, { text: query.text, limit: Math.min(PEOPLE_MAX, limit) }) : []
  for (const { row } of people)
    for (const id of conversationsOf(files, viewer, row))
      if (hits.size < limit && !hits.has(id)) hits.set(id, contactHit(row, id, query.text))
  let scanned = 0
  let last = 0
  for (const n of eachHit(files, viewer, query)) {
    if (hits.size === limit || scanned++ === SCANNED_MAX) return { items: [...hits.values()], next: last === 0 ? [n + 1] : [last] }
    last = n
    const found = messageOf(files, viewer, n)
    if (found !== undefined && !hits.has(found.message.conversationId)) hits.set(found.message.conversationId, hitOf(found, query.text))
  }
  return { items: [...hits.values()], next: null }
}

/** A page of hits, newest first. Accents and case do not count; the last word may be the beginning of one. */
export const search = (files: SearchFiles, viewer: Viewer, query: SearchQuery): PageOf<SearchHit> => {
  if (viewer.grants.kind === 'contact' || !may(viewer.grants, 'search') || viewer.grants.accountIds?.length === 0) return nothing
  if (query.type === 'message') return searchMessages(files, viewer, query)
  if (query.type === 'conversation') return searchConversations(files, viewer, query)
  const { items, next } = pageOfPeople(files, viewer, query)
  return { items: items.map((row) => contactHit(row, row.identities[0]?.conversationId ?? '', query.text)), next }
}
