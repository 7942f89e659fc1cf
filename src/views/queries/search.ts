// Search: newest hits first, read off the index as far as the page needs; every hit is asked again who may see it.
// Between a SearchQuery, the search file and the rows that hits point to.

import { may, type Contact, type Grants, type Message } from '#schemas'
import { numberOf } from '../numbers.ts'
import { matchOf, phoneMatchOf, scopes, snippetOf, textOf } from '../search/text.ts'
import type { SearchHit, SearchQuery, Viewer } from '../index.ts'
import { clampLimit, type PageOf } from './conversations.ts'
import type { Reader } from './reader.ts'
import {
  contactHit,
  conversationsPage,
  pageOfHits,
  peoplesShare,
  placeOf,
  type ConversationsPlace,
  type HitsPart,
  type PlacedHit,
} from './hits.ts'
import { findConversation, seesContact, seesConversation } from './rows.ts'

/** Hits looked at for one page of conversations, of which many may be the same one. */
const SCANNED_MAX = 2_000
/** Hits of the pages before, read again so that no conversation is listed twice; behind them the list ends. */
const LISTED_MAX = 50_000
/** Contacts whose conversations head the list. */
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
    if (!views.holds(message.conversationId)) continue
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

/** The newest hits behind the query's place, at most a page's. */
const messageHits = (files: SearchFiles, viewer: Viewer, query: SearchQuery): HitsPart => {
  const limit = clampLimit(query.limit)
  const hits: PlacedHit[] = []
  let last = 0
  for (const n of eachHit(files, viewer, query)) {
    if (hits.length === limit) return { hits, end: last, top: 0 }
    const found = messageOf(files, viewer, n)
    if (found === undefined) continue
    last = n
    hits.push({ n, hit: hitOf(found, query.text) })
  }
  return { hits, end: 0, top: 0 }
}

export interface FoundContact {
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

/** Conversations whose newest hit is above the place: they were listed there. */
const listedAbove = (files: SearchFiles, viewer: Viewer, query: SearchQuery, [top, last]: ConversationsPlace): Set<number> | undefined => {
  const listed = new Set<number>()
  let scanned = 0
  for (const n of eachHit(files, viewer, { ...query, after: [top + 1] })) {
    if (n < last) break
    if (scanned++ === LISTED_MAX) return undefined
    const conversation = files.search.get('SELECT conversation FROM entries WHERE n = ?', n)?.['conversation']
    if (conversation !== undefined) listed.add(conversation as number)
  }
  return listed
}

/** The first contacts that fit: their conversations head the list. Contacts that came since the list began are left out. */
export const searchHeads = (files: SearchFiles, viewer: Viewer, query: SearchQuery): FoundContact[] => {
  const place = placeOf(query.after)
  return findPeople(files, viewer, {
    text: query.text,
    limit: PEOPLE_MAX,
    ...(place === undefined ? {} : { after: [place[2] + 1] }),
  })
}

/**
 * One hit a conversation, by newest message, without those in `listed`. A conversation that was listed is not listed again on a later
 * page, whatever has come since; the list ends where that could no longer be told.
 */
const conversationHits = (files: SearchFiles, viewer: Viewer, query: SearchQuery, without: readonly string[], limit: number): HitsPart => {
  const place = placeOf(query.after)
  const listed = place === undefined ? new Set<number>() : listedAbove(files, viewer, query, place)
  let [top, last] = place ?? [0, 0]
  const hits: PlacedHit[] = []
  if (listed === undefined) return { hits, end: 0, top }
  for (const id of without) listed.add(numberOf(id))
  let scanned = 0
  for (const n of eachHit(files, viewer, place === undefined || last === 0 ? withoutPlace(query) : { ...query, after: [last] })) {
    if (top === 0) {
      top = n
      last = n + 1
    }
    if (hits.length === limit || scanned++ === SCANNED_MAX) return { hits, end: last, top }
    last = n
    const found = messageOf(files, viewer, n)
    const conversation = found === undefined ? 0 : numberOf(found.message.conversationId)
    if (found === undefined || listed.has(conversation)) continue
    listed.add(conversation)
    hits.push({ n, hit: hitOf(found, query.text) })
  }
  return { hits, end: 0, top }
}

const withoutPlace = ({ after: _after, ...query }: SearchQuery): SearchQuery => query

const maySearch = ({ grants }: Viewer): boolean => grants.kind !== 'contact' && may(grants, 'search') && grants.accountIds?.length !== 0

/** What one file holds of a page of messages, or of conversations other than those in `without`; `limit`: of its hits. */
export const searchHits = (files: SearchFiles, viewer: Viewer, query: SearchQuery, without: readonly string[], limit: number): HitsPart => {
  if (!maySearch(viewer)) return { hits: [], end: 0, top: 0 }
  return query.type === 'message' ? messageHits(files, viewer, query) : conversationHits(files, viewer, query, without, limit)
}

const searchConversations = (files: SearchFiles, viewer: Viewer, query: SearchQuery): PageOf<SearchHit> => {
  const limit = clampLimit(query.limit)
  const heads = searchHeads(files, viewer, query)
  const byPeople = new Map(heads.flatMap(({ row }) => conversationsOf(files, viewer, row).map((id) => [id, row] as const)))
  const people = { byPeople, topPerson: heads[0]?.n ?? 0 }
  const { left } = peoplesShare(people, query, limit)
  return conversationsPage(people, conversationHits(files, viewer, query, [...byPeople.keys()], left), query, limit)
}

/** A page of hits, newest first. Accents and case do not count; the last word may be the beginning of one. */
export const search = (files: SearchFiles, viewer: Viewer, query: SearchQuery): PageOf<SearchHit> => {
  if (!maySearch(viewer)) return nothing
  if (query.type === 'message') return pageOfHits(messageHits(files, viewer, query))
  if (query.type === 'conversation') return searchConversations(files, viewer, query)
  const { items, next } = pageOfPeople(files, viewer, query)
  return { items: items.map((row) => contactHit(row, conversationsOf(files, viewer, row)[0], query.text)), next }
}
