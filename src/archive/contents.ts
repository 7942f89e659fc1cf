// Which records of each topic an archive holds: all that a site cannot fold anew, and nothing that age or erasure has ended.
// Between the table of topics and export and import, which walk this one.

import type { Owner, StoredRecord } from '#log'
import type { Topic } from '#topics'

export interface ArchivedTopic {
  readonly topic: Topic
  /** Records that go along; all where nothing is said. */
  readonly wants?: (record: Pick<StoredRecord, 'key' | 'headers'>) => boolean
  /** From where its undecided commands begin, by this owner's position; all of the topic where nothing is said. */
  readonly undecidedOf?: Owner
}

const isParkedMark = ({ key }: Pick<StoredRecord, 'key'>): boolean => key.endsWith('/parked')
const isProfile = ({ key }: Pick<StoredRecord, 'key'>): boolean => key.endsWith('/profile')
const isBackfillMark = ({ key }: Pick<StoredRecord, 'key'>): boolean => key.startsWith('backfill/')

/**
 * Events and outcomes first: the positions they carry say which commands nobody has decided yet.
 * Message rows go along although they follow from events: aliases, early news and the hashes that tell a repeat stand nowhere else.
 * Left behind: `raw`, `attempts`, `logs` (by age), snapshots (folded anew), leases.
 */
export const archivedTopics: readonly ArchivedTopic[] = [
  { topic: 'schemas' },
  { topic: 'events' },
  { topic: 'contact-events' },
  { topic: 'outcomes', wants: ({ key }) => key !== 'position' },
  { topic: 'commands', undecidedOf: 'conversations' },
  { topic: 'contact-commands', undecidedOf: 'contacts' },
  { topic: 'config' },
  { topic: 'messages' },
  { topic: 'conversations', wants: isParkedMark },
  { topic: 'contacts', wants: (record) => isParkedMark(record) || isProfile(record) },
  { topic: 'marks' },
  { topic: 'outbox' },
  { topic: 'sends' },
  { topic: 'deliveries' },
  { topic: 'dead-letters' },
  { topic: 'ownership', wants: isBackfillMark },
]

export const subjectOf = (key: string): string => key.slice(0, key.indexOf('/') === -1 ? key.length : key.indexOf('/'))
