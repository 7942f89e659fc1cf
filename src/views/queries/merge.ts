// Parts of one answer, put together: what each node says of its partitions becomes what one file of all would have said. Pure.
// Between the parts and the page, sums or hash that the asker is given.

import { createHash } from 'node:crypto'
import type { Conversation } from '#schemas'
import type { ConversationQuery, Counts } from '../index.ts'
import { clampLimit, compareKeys, sortingOf, type PageOf, type PlacedPage } from './conversations.ts'

/** Each part is in order and holds a page's worth of its own. */
export const mergeConversations = (parts: readonly PlacedPage<Conversation>[], query: ConversationQuery): PageOf<Conversation> => {
  const limit = clampLimit(query.limit)
  const { isDescending } = sortingOf(query)
  const found = parts.flatMap(({ items, keys }) => items.map((item, index) => ({ item, key: keys[index] ?? [] })))
  found.sort((a, b) => compareKeys(a.key, b.key, isDescending))
  const page = found.slice(0, limit)
  const hasMore = found.length > limit || parts.some(({ next }) => next !== null)
  return { items: page.map(({ item }) => item), next: hasMore ? [...(page.at(-1)?.key ?? [])] : null }
}

export const mergeCounts = (parts: readonly Counts[]): Counts => {
  const byState: Record<string, number> = {}
  const sums = { mine: 0, unassigned: 0, failedSends: 0, unknownSends: 0 }
  for (const part of parts) {
    for (const [state, count] of Object.entries(part.byState)) byState[state] = (byState[state] ?? 0) + count
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += part[name]
  }
  return { byState, ...sums }
}

/** The hash of all rows, of the hashes of their partitions. */
export const combineHashes = (hashes: Readonly<Record<number, string>>): string => {
  const hash = createHash('sha256')
  for (const [partition, each] of Object.entries(hashes).toSorted(([a], [b]) => Number(a) - Number(b)))
    hash.update(`${partition} ${each}\n`)
  return hash.digest('hex')
}
