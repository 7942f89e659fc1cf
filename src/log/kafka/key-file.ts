// What compacted topics hold, by key, in one SQLite file a partition: the newest record of each key and how far it was read.
// Stands between the tail that fills it and `latest`; thrown away whenever it might be of another log, too old, or ahead.

import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Topic } from '#topics'
import { decodeRecord, encodeRecord, recordBytesMax } from '../embedded/record.ts'
import type { Offset, StoredRecord } from '../index.ts'

/** Raised when an older program could misread the file. */
const FORMAT = '1'

const SCHEMA = `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE positions (topic TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE records (topic TEXT NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL);
  CREATE UNIQUE INDEX records_key ON records (topic, key);
  CREATE INDEX records_passing ON records (position) WHERE topic = 'outcomes';`

export interface KeyFileOptions {
  readonly file: string
  /** The log's id: a file of another log means nothing. */
  readonly logId: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** Milliseconds after which tombstones may be gone that a file has not read yet. */
  readonly ageMsMax: number
}

const remove = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
}

const openDatabase = (file: string): DatabaseSync => {
  const isNew = !existsSync(file)
  const database = new DatabaseSync(file)
  // What a power cut takes is read again from the log.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096')
  if (isNew) database.exec(SCHEMA)
  return database
}

const factsOf = (database: DatabaseSync): Map<string, string> =>
  new Map(
    database
      .prepare('SELECT name, value FROM facts')
      .all()
      .map(({ name, value }) => [String(name), String(value)]),
  )

const isUsable = (database: DatabaseSync, { logId, now, ageMsMax }: KeyFileOptions): boolean => {
  const facts = factsOf(database)
  return facts.get('format') === FORMAT && facts.get('log') === logId && Number(facts.get('at')) > now - ageMsMax
}

export class KeyFile {
  readonly #database: DatabaseSync
  readonly #select: StatementSync
  readonly #upsert: StatementSync
  readonly #delete: StatementSync
  readonly #setPosition: StatementSync
  readonly #setFact: StatementSync
  readonly #positions = new Map<string, Offset>()
  #scratch = Buffer.allocUnsafeSlow(65_536)

  private constructor(database: DatabaseSync, options: KeyFileOptions) {
    this.#database = database
    this.#select = database.prepare('SELECT position, body FROM records WHERE topic = ? AND key = ?')
    this.#upsert = database.prepare(
      'INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (topic, key) DO UPDATE SET position = excluded.position, body = excluded.body',
    )
    this.#delete = database.prepare('DELETE FROM records WHERE topic = ? AND key = ?')
    this.#setPosition = database.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?)')
    this.#setFact = database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?)')
    for (const { topic, next } of database.prepare('SELECT topic, next FROM positions').all())
      this.#positions.set(String(topic), Number(next))
    this.#setFact.run('format', FORMAT)
    this.#setFact.run('log', options.logId)
    this.#setFact.run('at', String(options.now))
  }

  /** Opens the file, or begins it anew where it does not fit or cannot be read. */
  static open(options: KeyFileOptions): KeyFile {
    try {
      const database = openDatabase(options.file)
      if (isUsable(database, options)) return new KeyFile(database, options)
      database.close()
    } catch {
      // Damaged: the log holds all of it.
    }
    remove(options.file)
    return new KeyFile(openDatabase(options.file), options)
  }

  /** Where reading a topic goes on; undefined = from its start. */
  positionOf(topic: Topic): Offset | undefined {
    return this.#positions.get(topic)
  }

  /** Forgets a topic: its position lies outside of what the log holds. */
  forget(topic: Topic): void {
    this.#positions.delete(topic)
    this.#database.prepare('DELETE FROM positions WHERE topic = ?').run(topic)
    this.#database.prepare('DELETE FROM records WHERE topic = ?').run(topic)
  }

  latest(topic: Topic, key: string): StoredRecord | undefined {
    const row = this.#select.get(topic, Buffer.from(key, 'utf8'))
    if (row === undefined) return undefined
    const body = row['body'] as Uint8Array
    return decodeRecord(Buffer.from(body.buffer, body.byteOffset, body.byteLength), Number(row['position']), 0, body.byteLength)
  }

  /** Records and position in one transaction. Tombstones delete. */
  apply(topic: Topic, records: readonly StoredRecord[], next: Offset, now: number): void {
    this.#database.exec('BEGIN')
    try {
      for (const record of records) {
        const key = Buffer.from(record.key, 'utf8')
        if (record.value === null) this.#delete.run(topic, key)
        else this.#upsert.run(topic, key, record.offset, this.#encode(record))
      }
      this.#setPosition.run(topic, next)
      this.#setFact.run('at', String(now))
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
    this.#positions.set(topic, next)
  }

  /** Removes what retention has taken of a topic that goes by age. */
  dropBelow(topic: 'outcomes', start: Offset): void {
    this.#database.prepare(`DELETE FROM records WHERE topic = 'outcomes' AND topic = ? AND position < ?`).run(topic, start)
  }

  close(): void {
    this.#database.close()
  }

  #encode(record: StoredRecord): Buffer {
    const bytes = recordBytesMax(record) ?? 65_536 + record.key.length * 3 + (record.value?.length ?? 0)
    if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytes * 2)
    const end = encodeRecord(record, this.#scratch, new DataView(this.#scratch.buffer, this.#scratch.byteOffset, this.#scratch.length), 0)
    return this.#scratch.subarray(0, end)
  }
}
