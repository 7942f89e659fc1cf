// A search over nodes: contacts are found at home, their conversations and the messages wherever they lie.
// Between ClusterViews and the parts of a page; the cursor is the one that a single file would have given.

import { may, type Conversation } from '#schemas'
import { PARTITIONS } from '#topics'
import {
  clampLimit,
  contactHit,
  conversationsPage,
  mergeHits,
  pageOfHits,
  peoplesShare,
  seesConversation,
  type FoldedViews,
  type Page,
  type SearchHit,
  type SearchQuery,
  type Viewer,
} from '#views'
import type { Asking, Heard } from './asking.ts'
import { labelOf, vectorOf } from './labels.ts'

const ALL: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition)

export interface SearchTools {
  readonly views: FoldedViews
  readonly asking: Asking
  readonly rows: (ids: readonly string[]) => Promise<{ readonly heard: Heard; readonly rows: ReadonlyMap<string, Conversation | null> }>
}

interface Identified {
  readonly identities: readonly { readonly conversationId: string }[]
}

/** Who of the contacts' conversations the viewer may see, and what of them could not be asked. */
const seenOf = async ({ rows }: SearchTools, viewer: Viewer, people: readonly Identified[]) => {
  const ids = [...new Set(people.flatMap(({ identities }) => identities.map(({ conversationId }) => conversationId)))]
  const found = ids.length === 0 ? undefined : await rows(ids)
  const isSeen = (id: string): boolean => {
    const row = found?.rows.get(id)
    return row !== undefined && row !== null && seesConversation(viewer.grants, row)
  }
  return {
    heard: found?.heard ?? { said: [], missing: [], isStale: false },
    of: ({ identities }: Identified): string[] => identities.map(({ conversationId }) => conversationId).filter(isSeen),
  }
}

const together = (one: Heard, other: Heard): Heard => ({
  said: [...one.said, ...other.said],
  missing: [...new Set([...one.missing, ...other.missing])],
  isStale: one.isStale || other.isStale,
})

type HitsParts = Parameters<typeof mergeHits>[0]
const hitsOf = ({ said }: Heard): HitsParts => said.map(({ answer }) => answer as HitsParts[number])

const searchContacts = async (tools: SearchTools, viewer: Viewer, query: SearchQuery): Promise<Page<SearchHit>> => {
  // Without words a list of contacts is all of them.
  if (query.text.trim() === '') return { items: [], next: null, asOf: [] }
  const { type: _type, ...rest } = query
  const { items, next, asOf } = await tools.views.contacts(viewer, rest)
  const seen = await seenOf(tools, viewer, items)
  const label = labelOf(seen.heard, viewer)
  return {
    items: items.map((row) => contactHit(row, seen.of(row)[0], query.text)),
    next,
    asOf: asOf.filter(({ topic }) => topic === 'contact-events'),
    ...label,
  }
}

const searchConversations = async (tools: SearchTools, viewer: Viewer, query: SearchQuery): Promise<Page<SearchHit>> => {
  const limit = clampLimit(query.limit)
  const heads = await tools.views.heads(viewer, query)
  const seen = await seenOf(
    tools,
    viewer,
    heads.map(({ row }) => row),
  )
  const byPeople = new Map(heads.flatMap(({ row }) => seen.of(row).map((id) => [id, row] as const)))
  const people = { byPeople, topPerson: heads[0]?.n ?? 0 }
  const { left } = peoplesShare(people, query, limit)
  const heard = await tools.asking.ask({ name: 'hits', values: [viewer, query, [...byPeople.keys()], left] }, ALL)
  const label = labelOf(together(seen.heard, heard), viewer)
  return { ...conversationsPage(people, mergeHits(hitsOf(heard), left), query, limit), asOf: vectorOf(heard), ...label }
}

/** A page of hits, newest first, over the files of all nodes. */
export const searchNodes = async (tools: SearchTools, viewer: Viewer, query: SearchQuery): Promise<Page<SearchHit>> => {
  const { grants } = viewer
  if (grants.kind === 'contact' || !may(grants, 'search') || grants.accountIds?.length === 0) return { items: [], next: null, asOf: [] }
  if (query.type === 'contact') return searchContacts(tools, viewer, query)
  if (query.type === 'conversation') return searchConversations(tools, viewer, query)
  const limit = clampLimit(query.limit)
  const heard = await tools.asking.ask({ name: 'hits', values: [viewer, query, [], limit] }, ALL)
  const label = labelOf(heard, viewer)
  return { ...pageOfHits(mergeHits(hitsOf(heard), limit)), asOf: vectorOf(heard), ...label }
}
