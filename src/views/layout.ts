// How views lie in their two SQLite files, and the version that names them: another version is another file, folded anew.
// Between the writer threads and the query threads; nothing outside this folder knows it.

import { createHash } from 'node:crypto'
import { registeredSchemas } from '#schemas/log'
import { viewTopics, type ViewTopic } from './packet.ts'

/** Raised with every change of what folds make of events, or of how they are stored. */
const FOLD_VERSION = 2

const common = 'CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;'

/**
 * `n` of a conversation or contact is the number of its id (numbers.ts), as are organization, account, assignee (0 = none), label and
 * contact. Columns repeat what lists sort and filter by; `body` is the row as the API shows it, JSON.
 */
const rowTables = `${common}
  CREATE TABLE conversations (n INTEGER PRIMARY KEY, organization INTEGER NOT NULL, account INTEGER NOT NULL, contact INTEGER NOT NULL,
    state INTEGER NOT NULL, assignee INTEGER NOT NULL, priority INTEGER NOT NULL, activity INTEGER NOT NULL, created INTEGER NOT NULL,
    waiting INTEGER, snoozed INTEGER, seq INTEGER NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE messages (n INTEGER PRIMARY KEY, key INTEGER NOT NULL, conversation INTEGER NOT NULL, orderAt INTEGER NOT NULL, seq INTEGER NOT NULL,
    direction INTEGER NOT NULL, contentSeq INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE contents (subject INTEGER, seq INTEGER, n INTEGER, message INTEGER NOT NULL, PRIMARY KEY (subject, seq, n)) WITHOUT ROWID;
  CREATE TABLE contacts (n INTEGER PRIMARY KEY, organization INTEGER NOT NULL, created INTEGER NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE marks (conversation INTEGER, agent INTEGER, read INTEGER NOT NULL, PRIMARY KEY (conversation, agent)) WITHOUT ROWID;
  CREATE TABLE labels (label INTEGER, conversation INTEGER, PRIMARY KEY (label, conversation)) WITHOUT ROWID;
  CREATE TABLE counters (organization INTEGER, account INTEGER, name TEXT, assignee INTEGER, partition INTEGER, value INTEGER NOT NULL,
    PRIMARY KEY (organization, account, name, assignee, partition)) WITHOUT ROWID;`

/** Made at the end of a rebuild, or when it first asks for a message that was written long ago. */
export const keyIndex = 'CREATE INDEX IF NOT EXISTS messages_key ON messages (key);'

/** Made at the end of a rebuild: 1 M messages fold faster without them. */
const rowIndexes = `${keyIndex}
  CREATE INDEX list_state ON conversations (organization, state, activity);
  CREATE INDEX list_assignee ON conversations (organization, assignee, state, activity);
  CREATE INDEX list_account ON conversations (organization, account, state, activity);
  CREATE INDEX list_created ON conversations (organization, created);
  CREATE INDEX list_waiting ON conversations (organization, waiting) WHERE waiting IS NOT NULL;
  CREATE INDEX list_snoozed ON conversations (organization, snoozed) WHERE snoozed IS NOT NULL;
  CREATE INDEX list_priority ON conversations (organization, priority, activity) WHERE priority > 0;
  CREATE INDEX list_contact ON conversations (contact);
  CREATE INDEX messages_thread ON messages (conversation, orderAt, seq);
  CREATE INDEX messages_inbound ON messages (conversation, seq) WHERE direction = 0;
  CREATE INDEX contacts_created ON contacts (organization, created);`

/** Bytes of terms that FTS5 gathers in memory before it writes them as a segment: fewer and larger ones need less merging. */
const WORDS_BYTES_MAX = 33_554_432

/**
 * `words`: a row a message, rowid rising with its time; `people`: a row a contact. `scope` holds the organization, the account and
 * whether it is a note as terms, so that the index itself keeps tenants apart. `digits`: phone numbers back to front.
 */
const searchTables = `${common}
  CREATE TABLE conversations (n INTEGER PRIMARY KEY, account INTEGER NOT NULL, partition INTEGER NOT NULL);
  CREATE TABLE entries (n INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, key INTEGER NOT NULL, seq INTEGER NOT NULL);
  CREATE TABLE people (n INTEGER PRIMARY KEY, key INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX people_key ON people (key);
  CREATE VIRTUAL TABLE words USING fts5(scope, body, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2");
  CREATE VIRTUAL TABLE names USING fts5(scope, body, digits, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2");
  INSERT INTO words (words, rank) VALUES ('hashsize', ${WORDS_BYTES_MAX});`

/** Made at the end of a rebuild, or when a change of what is written already first needs it. */
const searchIndexes = 'CREATE INDEX IF NOT EXISTS entries_key ON entries (conversation, key);'

export interface FileLayout {
  readonly name: 'views' | 'search'
  readonly tables: string
  readonly indexes: string
}

export const rowsLayout: FileLayout = { name: 'views', tables: rowTables, indexes: rowIndexes }
export const searchLayout: FileLayout = { name: 'search', tables: searchTables, indexes: searchIndexes }

/** Symbols by number, as columns hold them. */
export const states = ['open', 'pending', 'snoozed', 'resolved'] as const
export const priorities = ['none', 'low', 'medium', 'high', 'urgent'] as const
export const directions = ['in', 'out', 'note'] as const

/** Names both files: follows from the folds, the tables and the schemas of what is folded. */
export const viewsVersion = (): string => {
  const hash = createHash('sha256')
    .update(String(FOLD_VERSION))
    .update(rowTables)
    .update(rowIndexes)
    .update(searchTables)
    .update(searchIndexes)
  for (const { subject, id } of registeredSchemas)
    if (viewTopics.some((topic) => subject.startsWith(`${topic}-`))) hash.update(`${subject}=${id};`)
  return hash.digest('hex').slice(0, 12)
}

export const fileNameOf = (layout: FileLayout, version: string): string => `${layout.name}-${version}.db`

/** Next offsets by topic and partition. */
export type Positions = Readonly<Record<ViewTopic, readonly number[]>>

export const emptyPositions = (partitions: number): Record<ViewTopic, number[]> => ({
  events: Array.from({ length: partitions }, () => 0),
  'contact-events': Array.from({ length: partitions }, () => 0),
  marks: Array.from({ length: partitions }, () => 0),
})
