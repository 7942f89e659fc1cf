// The lists that the left column offers: which rows belong in each, in which order, and what to ask the server for.
// Pure, between rows that change by events and the list on screen: a row moves without being fetched again.

import type { Conversation } from '#schemas'

export const viewNames = ['mine', 'unassigned', 'all', 'waiting', 'snoozed', 'resolved'] as const
export type ViewName = (typeof viewNames)[number]

export interface ListView {
  readonly name: ViewName
  readonly title: string
  /** What an empty one says. */
  readonly empty: string
  /** Parameters of GET /v1/conversations. */
  readonly query: Readonly<Record<string, string>>
  readonly has: (row: Conversation, me: string) => boolean
  /** Newest or longest first; ties by id, so that the order is the same everywhere. */
  readonly compare: (a: Conversation, b: Conversation) => number
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byActivity = (a: Conversation, b: Conversation): number => byText(b.lastActivityAt, a.lastActivityAt) || byText(b.id, a.id)
/** Longest waiting first. */
const byWaiting = (a: Conversation, b: Conversation): number => byText(a.waitingSince ?? '9', b.waitingSince ?? '9') || byText(a.id, b.id)
/** Next to wake first; those that wait for the contact last. */
const byWaking = (a: Conversation, b: Conversation): number => byText(a.snoozedUntil ?? '9', b.snoozedUntil ?? '9') || byText(a.id, b.id)

const isActive = (row: Conversation): boolean => row.state === 'open' || row.state === 'pending'
const isMine = (row: Conversation, me: string): boolean => row.assignee?.kind === 'agent' && row.assignee.id === me

export const listViews: Readonly<Record<ViewName, ListView>> = {
  mine: {
    name: 'mine',
    title: 'Mine',
    empty: 'Nothing is waiting for you.',
    query: { state: 'open', assignee: 'me' },
    has: (row, me) => row.state === 'open' && isMine(row, me),
    compare: byActivity,
  },
  unassigned: {
    name: 'unassigned',
    title: 'Unassigned',
    empty: 'Every open conversation has someone.',
    query: { state: 'open', assignee: 'none' },
    has: (row) => row.state === 'open' && row.assignee === null,
    compare: byActivity,
  },
  all: {
    name: 'all',
    title: 'All open',
    empty: 'No open conversations.',
    query: { state: 'open,pending' },
    has: isActive,
    compare: byActivity,
  },
  waiting: {
    name: 'waiting',
    title: 'Waiting',
    empty: 'Nobody is waiting for an answer.',
    query: { state: 'open', sort: 'waiting' },
    has: (row) => row.state === 'open' && row.waitingSince !== null,
    compare: byWaiting,
  },
  snoozed: {
    name: 'snoozed',
    title: 'Snoozed',
    empty: 'Nothing is snoozed.',
    query: { state: 'snoozed', sort: 'snoozed' },
    has: (row) => row.state === 'snoozed',
    compare: byWaking,
  },
  resolved: {
    name: 'resolved',
    title: 'Resolved',
    empty: 'Nothing has been resolved yet.',
    query: { state: 'resolved' },
    has: (row) => row.state === 'resolved',
    compare: byActivity,
  },
}

export const isViewName = (name: string): name is ViewName => (viewNames as readonly string[]).includes(name)

/** The rows of a view in its order. */
export const rowsOf = (view: ListView, rows: Iterable<Conversation>, me: string): Conversation[] =>
  [...rows].filter((row) => view.has(row, me)).sort((a, b) => view.compare(a, b))
