// Contacts: one, a list by creation, and the sums that lists show as counts.
// Between the tables contacts and counters and what a caller may know of them.

import { may, type Contact } from '#schemas'
import { states } from '../layout.ts'
import { numberOf } from '../numbers.ts'
import type { Counts, Viewer } from '../index.ts'
import { clampLimit, type PageOf } from './conversations.ts'
import type { Reader } from './reader.ts'
import { findContact, seesContact } from './rows.ts'

/** Contacts looked at for one page, where most are of accounts that the viewer may not see. */
const SCANNED_MAX = 5_000

export const getContact = (reader: Reader, viewer: Viewer, id: string): Contact | null => {
  const found = findContact(reader, id)?.row
  return found !== undefined && seesContact(viewer.grants, found) ? found : null
}

/** Newest first. Contacts of other accounts are passed over, not counted. */
export const listContacts = (
  reader: Reader,
  viewer: Viewer,
  query: { readonly limit?: number; readonly after?: readonly (string | number)[] },
): PageOf<Contact> => {
  const { grants } = viewer
  if (grants.kind === 'contact' || !may(grants, 'contact.read')) return { items: [], next: null }
  const limit = clampLimit(query.limit)
  const [created, n] = query.after?.map(Number) ?? []
  const isAfter = Number.isSafeInteger(created) && Number.isSafeInteger(n)
  const sql = `SELECT created, n, body FROM contacts WHERE organization = ? ${isAfter ? 'AND (created, n) < (?, ?)' : ''} ORDER BY created DESC, n DESC`
  const items: Contact[] = []
  let last: number[] = []
  let scanned = 0
  for (const found of reader.each(sql, numberOf(grants.organizationId), ...(isAfter ? [created ?? 0, n ?? 0] : []))) {
    const row = JSON.parse(found['body'] as string) as Contact
    const isSeen = seesContact(grants, row)
    if ((isSeen && items.length === limit) || scanned++ === SCANNED_MAX) return { items, next: last }
    last = [found['created'] as number, found['n'] as number]
    if (isSeen) items.push(row)
  }
  return { items, next: null }
}

/** Conversations by state, mine and nobody's among the open ones, and sends to look after; of the accounts the viewer may see. */
export const countAll = (reader: Reader, viewer: Viewer): Counts => {
  const { grants } = viewer
  const byState: Record<string, number> = Object.fromEntries(states.map((state) => [state, 0]))
  const counts = { byState, mine: 0, unassigned: 0, failedSends: 0, unknownSends: 0 }
  if (grants.kind === 'contact' || !may(grants, 'conversation.read')) return counts
  const accounts = grants.accountIds === null ? '' : `AND account IN (${grants.accountIds.map(numberOf).join(', ')})`
  const within = reader.within === undefined ? '' : `AND partition IN (${[...reader.within].join(', ')})`
  const sums = reader.all(
    `SELECT name, assignee, sum(value) AS value FROM counters WHERE organization = ? ${accounts} ${within} GROUP BY name, assignee`,
    numberOf(grants.organizationId),
  )
  const me = numberOf(grants.id)
  for (const { name, assignee, value } of sums as unknown as readonly { name: string; assignee: number; value: number }[]) {
    if (name === 'failed') counts.failedSends += value
    else if (name === 'unknown') counts.unknownSends += value
    else byState[name] = (byState[name] ?? 0) + value
    if (name === 'open' && assignee === me) counts.mine += value
    if (name === 'open' && assignee === 0) counts.unassigned += value
  }
  return counts
}
