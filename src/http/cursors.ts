// Cursors of lists: a keyset, sealed. Stable under inserts; useless to another organization, another list or another filter.
// Between the keys of the views' rows, which nobody outside may see or alter, and the `next` of a page.

import type { Grants } from '#schemas'
import { ConfabError } from '#errors'
import type { Secrets } from '#secrets'

export type Keyset = readonly (string | number)[]

export interface Cursors {
  seal(keyset: Keyset | null, bound: Bound): string | null
  /** Throws `cursor_invalid`. */
  open(text: string | undefined, bound: Bound): Keyset | undefined
}

/** What a cursor is good for. */
export interface Bound {
  readonly grants: Grants
  readonly list: string
  /** The query without cursor and limit. */
  readonly filter: Readonly<Record<string, unknown>>
}

const boundOf = ({ grants, list, filter }: Bound): string => {
  const pairs = Object.entries(filter).filter(([, value]) => value !== undefined)
  return JSON.stringify([grants.organizationId, grants.kind, grants.id, list, pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))])
}

export const openCursors = (secrets: Pick<Secrets, 'seal' | 'open'>): Cursors => ({
  seal: (keyset, bound) =>
    keyset === null ? null : secrets.seal('page', Buffer.from(JSON.stringify(keyset)), boundOf(bound)).toString('base64url'),
  open: (text, bound) => {
    if (text === undefined) return undefined
    try {
      return JSON.parse(secrets.open('page', Buffer.from(text, 'base64url'), boundOf(bound)).toString()) as Keyset
    } catch (cause) {
      throw new ConfabError('cursor_invalid', { cause })
    }
  },
})
