// Lists of conversations: keyset pages by every sort, each read off an index; grants are part of the SQL.
// Between a ConversationQuery and the rows of one page.

import { may, type Conversation, type Grants } from '#schemas'
import { priorities, states } from '../layout.ts'
import { numberOf } from '../numbers.ts'
import type { ConversationQuery, ConversationSort, Viewer } from '../index.ts'
import type { Reader, SqlValue } from './reader.ts'
import { findConversation, seesConversation, showConversation } from './rows.ts'

export interface PageOf<T> {
  readonly items: T[]
  readonly next: (string | number)[] | null
}

const LIMIT_MAX = 100
const LIMIT_DEFAULT = 25
/** Accounts that are read off their own index each; more are a filter over the organization's. */
const ACCOUNT_BRANCHES_MAX = 8
/** A label on fewer conversations than this is where the search begins. */
const RARE_LABEL = 2_000

export const clampLimit = (limit: number | undefined, fallback = LIMIT_DEFAULT): number =>
  Math.min(Math.max(1, Math.trunc(limit ?? fallback)), LIMIT_MAX)

/** A row's place in a list: its sort keys, then its number; the same on every node. */
export type Key = readonly number[]

/** Items with the place of each, for whoever merges them with those of other files. */
export interface PlacedPage<T> extends PageOf<T> {
  readonly keys: Key[]
}

/** One index read: conditions and their values; `order` are the columns behind them in the index. */
interface Branch {
  readonly where: readonly string[]
  readonly values: readonly SqlValue[]
  /** Sort key that is the same for the whole branch, in front of the others. */
  readonly fixed?: number
}

interface Sorting {
  readonly column: 'activity' | 'created' | 'waiting' | 'snoozed'
  readonly isDescending: boolean
}

const sortings: Readonly<Record<ConversationSort, Sorting>> = {
  '-activity': { column: 'activity', isDescending: true },
  '-created': { column: 'created', isDescending: true },
  created: { column: 'created', isDescending: false },
  waiting: { column: 'waiting', isDescending: false },
  '-priority': { column: 'activity', isDescending: true },
  snoozed: { column: 'snoozed', isDescending: false },
}

export const sortingOf = ({ sort }: ConversationQuery): Sorting => sortings[sort ?? '-activity']

const listOf = (numbers: readonly number[]): string => numbers.join(', ')

/** null = all accounts; an account outside the grants leaves none. */
const accountsOf = (grants: Grants, accountId: string | undefined): number[] | null => {
  if (accountId === undefined) return grants.accountIds?.map(numberOf) ?? null
  return grants.accountIds === null || grants.accountIds.includes(accountId) ? [numberOf(accountId)] : []
}

const isRareLabel = (reader: Reader, label: number): boolean =>
  Number(reader.get(`SELECT count(*) AS count FROM (SELECT 1 FROM labels WHERE label = ? LIMIT ${RARE_LABEL + 1})`, label)?.['count']) <=
  RARE_LABEL

const filtersOf = (reader: Reader, query: ConversationQuery): { readonly where: string[]; readonly values: SqlValue[] } => {
  const where: string[] = []
  const values: SqlValue[] = []
  if (query.assignee !== undefined) {
    where.push('assignee = ?')
    values.push(query.assignee === 'none' ? 0 : numberOf(query.assignee))
  }
  if (query.contactId !== undefined) {
    where.push('contact = ?')
    values.push(numberOf(query.contactId))
  }
  if (query.label !== undefined) {
    const label = numberOf(query.label)
    const set = 'SELECT conversation FROM labels WHERE label = ?'
    where.push(isRareLabel(reader, label) ? `n IN (${set})` : `EXISTS (${set} AND conversation = n)`)
    values.push(label)
  }
  if (reader.within !== undefined) where.push('held(id)')
  return { where, values }
}

const branchesOf = (reader: Reader, { grants }: Viewer, query: ConversationQuery): Branch[] => {
  const accounts = accountsOf(grants, query.accountId)
  if (accounts?.length === 0) return []
  const filters = filtersOf(reader, query)
  const wanted = (query.state ?? states).map((state) => states.indexOf(state))
  const where = ['organization = ?', ...filters.where]
  const values: SqlValue[] = [numberOf(grants.organizationId), ...filters.values]
  const sort = query.sort ?? '-activity'
  // Whatever begins at a contact or a rare label is short: one branch, sorted.
  const isByState = sort === '-activity' && query.contactId === undefined
  const isByAccount = isByState && accounts !== null && accounts.length <= ACCOUNT_BRANCHES_MAX && query.assignee === undefined
  if (accounts !== null && !isByAccount) where.push(`account IN (${listOf(accounts)})`)
  if (isByState) {
    const places = isByAccount ? accounts : [null]
    return wanted.flatMap((state) =>
      places.map((account) => ({
        where: account === null ? [...where, 'state = ?'] : [...where, 'account = ?', 'state = ?'],
        values: account === null ? [...values, state] : [...values, account, state],
      })),
    )
  }
  if (query.state !== undefined && query.state.length < states.length) where.push(`state IN (${listOf(wanted)})`)
  if (sort === 'waiting' || sort === 'snoozed') where.push(`${sort} IS NOT NULL`)
  if (sort !== '-priority') return [{ where, values }]
  const urgent = priorities
    .map((_, priority) => priority)
    .filter((priority) => priority > 0)
    .reverse()
  const rest =
    query.contactId === undefined
      ? wanted.map((state) => ({ where: [...where, 'priority = 0', 'state = ?'], values: [...values, state], fixed: 0 }))
      : [{ where: [...where, 'priority = 0'], values, fixed: 0 }]
  return [
    ...urgent.map((priority) => ({ where: [...where, 'priority > 0', 'priority = ?'], values: [...values, priority], fixed: priority })),
    ...rest,
  ]
}

/** Rows of one branch behind `after`, at most `limit`. */
const readBranch = (
  reader: Reader,
  branch: Branch,
  { sorting, after, limit }: { readonly sorting: Sorting; readonly after: Key | null; readonly limit: number },
): Key[] => {
  const { column, isDescending } = sorting
  const fixed = branch.fixed === undefined ? [] : [branch.fixed]
  if (after !== null && branch.fixed !== undefined && branch.fixed > (after[0] ?? 0)) return []
  const isPast = after !== null && branch.fixed !== undefined && branch.fixed < (after[0] ?? 0)
  const [value, n] = after === null || isPast ? [] : after.slice(-2)
  const keyset = value === undefined || n === undefined ? [] : [`(${column}, n) ${isDescending ? '<' : '>'} (?, ?)`]
  const direction = isDescending ? 'DESC' : 'ASC'
  const sql = `SELECT ${column} AS value, n FROM conversations WHERE ${[...branch.where, ...keyset].join(' AND ')} ORDER BY ${column} ${direction}, n ${direction} LIMIT ?`
  const values = [...branch.values, ...(value === undefined || n === undefined ? [] : [value, n]), limit]
  return reader.all(sql, ...values).map((found) => [...fixed, found['value'] as number, found['n'] as number])
}

export const compareKeys = (a: Key, b: Key, isDescending: boolean): number => {
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    // The priority in front is always descending, as activity behind it is.
    if (difference !== 0) return isDescending ? -difference : difference
  }
  return 0
}

const keyOf = (after: ConversationQuery['after'], length: number): Key | null => {
  if (after === undefined || after.length !== length) return null
  const key = after.map(Number)
  return key.every(Number.isSafeInteger) ? key : null
}

/** A page of conversations that the viewer may see. */
export const listConversations = (reader: Reader, viewer: Viewer, query: ConversationQuery): PlacedPage<Conversation> => {
  const { grants } = viewer
  if (grants.kind === 'contact') {
    const found = grants.conversationId === undefined ? undefined : findConversation(reader, grants.conversationId)
    if (found === undefined || !seesConversation(grants, found.row)) return { items: [], keys: [], next: null }
    return { items: [showConversation(reader, viewer, found)], keys: [[found.n]], next: null }
  }
  if (!may(grants, 'conversation.read')) return { items: [], keys: [], next: null }
  const limit = clampLimit(query.limit)
  const sorting = sortingOf(query)
  const after = keyOf(query.after, query.sort === '-priority' ? 3 : 2)
  const keys = branchesOf(reader, viewer, query).flatMap((branch) => readBranch(reader, branch, { sorting, after, limit: limit + 1 }))
  keys.sort((a, b) => compareKeys(a, b, sorting.isDescending))
  const page = keys.slice(0, limit)
  const seen = page.flatMap((key) => {
    const n = key.at(-1) ?? 0
    const row = JSON.parse(reader.get('SELECT body FROM conversations WHERE n = ?', n)?.['body'] as string) as Conversation
    return seesConversation(grants, row) ? [{ key, item: showConversation(reader, viewer, { n, row }) }] : []
  })
  return {
    items: seen.map(({ item }) => item),
    keys: seen.map(({ key }) => key),
    next: keys.length > limit ? [...(page.at(-1) ?? [])] : null,
  }
}

export const getConversation = (reader: Reader, viewer: Viewer, id: string): Conversation | null => {
  const found = findConversation(reader, id)
  return found === undefined || !seesConversation(viewer.grants, found.row) ? null : showConversation(reader, viewer, found)
}
