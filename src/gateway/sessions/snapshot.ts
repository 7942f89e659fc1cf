// Snapshots: what a subscription starts from, rows and the vector they were read at, from the views.
// Between a scope and the first frame of its subscriber; the tail then starts where the views stood, so that a lag of theirs does no harm.

import type { Conversation, Grants, Message, ServerFrame } from '#schemas'
import { decode, keys, mark, type Mark } from '#schemas/log'
import type { AsOf } from '#views'
import { topicOf } from '../cursor.ts'
import type { Hub } from '../hub.ts'
import { headsOf, type Positions, type Subscription } from './progress.ts'
import { othersMark, ownMark } from '../projection.ts'

type SnapshotFrame = Extract<ServerFrame, { frame: 'snapshot' }>

export interface Snapshot {
  readonly frame: Omit<SnapshotFrame, 'asOf'>
  readonly positions: Positions
}

/** Agents whose read marks of a conversation are looked up. */
const MARKS_MAX = 200

/** The row as its contact may know it: made of named fields, never by leaving some out. */
const rowForContact = (row: Conversation): object => ({
  id: row.id,
  organizationId: row.organizationId,
  accountId: row.accountId,
  channel: row.channel,
  contactId: row.contactId,
  createdAt: row.createdAt,
  seq: row.contactSeq,
  receipts: row.receipts,
})

/** The lower place of two reads: what the later one has beyond comes again by the tail and falls to `seq`. */
const earlier = (one: Positions, other: Positions): Positions => one.map((offset, stream) => Math.min(offset, other[stream] as number))

const marksOf = async (hub: Hub, grants: Grants, conversationId: string): Promise<SnapshotFrame['states']> => {
  const agents = hub.settings.list('agent', grants.organizationId).slice(0, MARKS_MAX)
  if (agents.length === 0) return []
  const records = await hub.log.latest(
    'marks',
    hub.partitionOf(conversationId),
    agents.map(({ id }) => keys.mark(conversationId, id)),
  )
  const marks = records.flatMap((record) => (record === null || record.value === null ? [] : [decode(mark, record.value)]))
  return grants.kind === 'contact' ? contactMarks(conversationId, marks) : marks.map((value) => stateOf(value, grants))
}

const contactMarks = (conversationId: string, marks: readonly Mark[]): SnapshotFrame['states'] => {
  const readUpToContactSeq = Math.max(0, ...marks.map((value) => value.readUpToContactSeq))
  return [{ kind: 'read', id: conversationId, rev: readUpToContactSeq, value: { readUpToContactSeq } }]
}

const stateOf = (value: Mark, grants: Grants) => {
  const shown = value.agentId === grants.id ? ownMark(value) : othersMark(value)
  return { kind: 'mark', id: keys.mark(value.conversationId, value.agentId), rev: value.rev, value: shown }
}

const conversationSnapshot = async (hub: Hub, grants: Grants, subscription: Subscription, conversationId: string): Promise<Snapshot> => {
  const before = headsOf(hub.tailer.rings)
  const states = await marksOf(hub, grants, conversationId)
  const viewer = { grants }
  const isContact = grants.kind === 'contact'
  const { item, asOf } = await hub.views.conversation(viewer, conversationId)
  const page = await hub.views.messages(viewer, conversationId, { limit: hub.config.snapshotItems, asContact: isContact })
  const messages: readonly Message[] = item === null ? [] : page.items
  const items = item === null ? [] : [isContact ? rowForContact(item) : item]
  const positions = [asOf, page.asOf].map((each) => placed(hub, each, before)).reduce(earlier)
  // Who may not see the conversation is not told who has read it either.
  const shownStates = item === null ? [] : (states ?? [])
  return {
    frame: { frame: 'snapshot', id: subscription.id, items, conversationId, messages: [...messages], states: shownStates },
    positions,
  }
}

/** Marks were read from the log, not from the view: what comes of them begins at the tail's head of before. */
const placed = (hub: Hub, asOf: AsOf, before: Positions): Positions =>
  hub.positions
    .offsetsOf(asOf, before)
    .map((offset, stream) => (topicOf(stream) === 'marks' ? Math.min(offset, before[stream] as number) : offset))

/** Views have no index by team: so many pages are looked through. What comes later in them is older, and comes when it moves. */
const TEAM_PAGES_MAX = 20
const TEAM_PAGE = 100

/** The first page's place counts: what has moved since comes again by the tail. */
const teamPages = async (
  hub: Hub,
  grants: Grants,
  team: string,
): Promise<{ readonly items: readonly Conversation[]; readonly asOf: AsOf }> => {
  const first = await hub.views.conversations({ grants }, { limit: TEAM_PAGE })
  const found = new Map<string, Conversation>()
  let page = first
  for (let pages = 1; ; pages++) {
    for (const row of page.items) if (row.teamId === team && !found.has(row.id)) found.set(row.id, row)
    if (page.next === null || pages >= TEAM_PAGES_MAX || found.size >= hub.config.snapshotItems) break
    page = await hub.views.conversations({ grants }, { limit: TEAM_PAGE, after: page.next })
  }
  return { items: [...found.values()].slice(0, hub.config.snapshotItems), asOf: first.asOf }
}

const listSnapshot = async (hub: Hub, grants: Grants, subscription: Subscription): Promise<Snapshot> => {
  const { scope } = subscription
  const before = headsOf(hub.tailer.rings)
  const limit = hub.config.snapshotItems
  const query = {
    limit,
    ...('account' in scope ? { accountId: scope.account } : {}),
    ...('contact' in scope ? { contactId: scope.contact } : {}),
    ...('assignee' in scope ? { assignee: scope.assignee === 'me' ? grants.id : scope.assignee } : {}),
  }
  const { items, asOf } = 'team' in scope ? await teamPages(hub, grants, scope.team) : await hub.views.conversations({ grants }, query)
  return { frame: { frame: 'snapshot', id: subscription.id, items: [...items] }, positions: hub.positions.offsetsOf(asOf, before) }
}

/** First page of a list scope, or row, newest messages and marks of one conversation. `positions`: where its tail begins. */
export const takeSnapshot = (hub: Hub, grants: Grants, subscription: Subscription): Promise<Snapshot> => {
  const { scope } = subscription
  if (grants.kind === 'contact') return conversationSnapshot(hub, grants, subscription, grants.conversationId ?? '')
  return 'conversation' in scope
    ? conversationSnapshot(hub, grants, subscription, scope.conversation)
    : listSnapshot(hub, grants, subscription)
}
