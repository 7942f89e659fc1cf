// Pages of hits, put together: those of several files in order, contacts' conversations in front. Pure.
// Between the parts that each file answers, one file or many nodes', and the page that the asker is given.

import type { Contact } from '#schemas'
import { snippetOf } from '../search/text.ts'
import type { SearchHit, SearchQuery } from '../index.ts'
import type { PageOf } from './conversations.ts'

export interface PlacedHit {
  /** Rises with time; of two messages in two files it may be the same. */
  readonly n: number
  readonly hit: SearchHit
}

/** What one file holds of a page. */
export interface HitsPart {
  /** Newest first. */
  readonly hits: readonly PlacedHit[]
  /** Every hit down to here was looked at; 0 = there is nothing below. */
  readonly end: number
  /** The newest hit that a list of conversations began with; 0 = there was none. */
  readonly top: number
}

/** Where a list of conversations goes on: the newest hit it began with, the last one read, the newest contact, conversations shown by contacts. */
export type ConversationsPlace = readonly [top: number, last: number, topPerson: number, byPeople: number]

export const placeOf = (after: SearchQuery['after']): ConversationsPlace | undefined => {
  const [top = 0, last = 0, topPerson = 0, byPeople = 0] = after?.map(Number) ?? []
  return after?.length === 4 && after.every(Number.isSafeInteger) ? [top, last, topPerson, byPeople] : undefined
}

/** Below the highest end not every file has been looked at. Hits that share a place stay on one page: a cursor could not part them. */
export const mergeHits = (parts: readonly HitsPart[], limit: number): HitsPart => {
  const horizon = Math.max(0, ...parts.map(({ end }) => end))
  const top = Math.max(0, ...parts.map((part) => part.top))
  const safe = parts
    .flatMap(({ hits }) => hits)
    .filter(({ n }) => n >= horizon)
    .sort((a, b) => b.n - a.n)
  let cut = Math.min(limit, safe.length)
  while (cut > 0 && cut < safe.length && safe[cut]?.n === safe[cut - 1]?.n) cut++
  const hits = safe.slice(0, cut)
  if (cut === safe.length) return { hits, end: horizon, top }
  return { hits, end: hits.at(-1)?.n ?? (safe[0]?.n ?? 0) + 1, top }
}

export const pageOfHits = ({ hits, end }: HitsPart): PageOf<SearchHit> => ({
  items: hits.map(({ hit }) => hit),
  next: end === 0 ? null : [end],
})

const nameOf = (row: Contact): string =>
  [row.name, row.company, ...row.emails, ...row.phones].filter((part) => part !== null && part !== '').join(' · ')

export const contactHit = (row: Contact, conversationId: string | undefined, text: string): SearchHit => ({
  ...(conversationId === undefined ? {} : { conversationId }),
  contactId: row.id,
  at: row.createdAt,
  snippet: snippetOf(nameOf(row), text),
})

/** Contacts that fit, their conversations that the viewer may see, and the place of the first contact. */
export interface PeopleOfSearch {
  readonly byPeople: ReadonlyMap<string, Contact>
  readonly topPerson: number
}

/** Those of the contacts' conversations that are this page's, and how many hits are left to find for it. */
export const peoplesShare = ({ byPeople }: PeopleOfSearch, query: SearchQuery, limit: number) => {
  const shownBefore = placeOf(query.after)?.[3] ?? 0
  const shown = [...byPeople].slice(shownBefore, shownBefore + limit)
  return {
    items: shown.map(([id, row]) => contactHit(row, id, query.text)),
    shownSoFar: shownBefore + shown.length,
    left: limit - shown.length,
  }
}

/** Conversations: those of contacts first, then by newest hit. */
export const conversationsPage = (
  people: PeopleOfSearch,
  { hits, end, top }: HitsPart,
  query: SearchQuery,
  limit: number,
): PageOf<SearchHit> => {
  const { items, shownSoFar } = peoplesShare(people, query, limit)
  const isDone = end === 0 && shownSoFar >= people.byPeople.size
  // 1 is below every hit; 0 would begin anew.
  const last = end === 0 && top > 0 ? 1 : end
  return { items: [...items, ...hits.map(({ hit }) => hit)], next: isDone ? null : [top, last, people.topPerson, shownSoFar] }
}
