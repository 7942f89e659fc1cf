// Opens the log's file for writing: settings, format, first creation; says in plain words what is wrong with it.
// Stands between the store and whatever lies in the directory.

import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { ConfabError, type ErrorCode } from '#errors'
import { APPLICATION_ID, FORMAT_VERSION, schema, type ThreadOptions } from './layout.ts'

const PAGE_CACHE_KIBIBYTES = 65_536

/** Whether a server runs on the directory of this lock: its exclusive transaction refuses even a read. */
export const isHeld = (lockFile: string): boolean => {
  if (!existsSync(lockFile)) return false
  let probe: DatabaseSync | undefined
  try {
    probe = new DatabaseSync(lockFile, { readOnly: true })
    probe.exec('PRAGMA busy_timeout = 0; SELECT count(*) FROM sqlite_schema')
    return false
  } catch (error) {
    return resultCode(error) === SQLITE_BUSY
  } finally {
    probe?.close()
  }
}

const refuseFile = (code: ErrorCode, file: string, why: string, cause?: unknown): ConfabError =>
  new ConfabError(code, { detail: `${file}: ${why}.`, fields: { file }, cause })

const SQLITE_PERM = 3
const SQLITE_READONLY = 8
const SQLITE_CANTOPEN = 14

/** What an error of opening a file says of it. */
export const faultOf = (error: unknown): 'data_unwritable' | 'log_full' | 'data_corrupt' => {
  const code = resultCode(error)
  if (code === SQLITE_FULL) return 'log_full'
  return [SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN].includes(code) ? 'data_unwritable' : 'data_corrupt'
}

/** The format of an existing file. Throws `data_newer`, `data_corrupt`. */
export const checkFormat = (database: DatabaseSync, file: string): number => {
  const application = database.prepare('PRAGMA application_id').get()?.['application_id']
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (application !== APPLICATION_ID) throw refuseFile('data_corrupt', file, 'not a log of Confab')
  if (version > FORMAT_VERSION) throw refuseFile('data_newer', file, `format ${version}, this program knows ${FORMAT_VERSION}`)
  return version
}

/** Opens the file, creating it when there is none. Throws `data_newer`, `data_corrupt`. */
export const openFile = (options: ThreadOptions): DatabaseSync => {
  const database = new DatabaseSync(options.file)
  try {
    database.exec(`PRAGMA busy_timeout = 250; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous};
      PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -${PAGE_CACHE_KIBIBYTES}; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF`)
    if (options.pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${options.pagesMax}`)
    const application = database.prepare('PRAGMA application_id').get()?.['application_id']
    const isEmpty = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'] === 0
    if (isEmpty && application === 0) {
      database.exec(`BEGIN IMMEDIATE; ${schema}`)
      database.prepare(`INSERT INTO state VALUES ('id', ?), ('compacted', 0)`).run(crypto.randomUUID())
      database.exec('COMMIT')
    } else checkFormat(database, options.file)
    return database
  } catch (error) {
    database.close()
    if (error instanceof ConfabError) throw error
    throw refuseFile(faultOf(error), options.file, error instanceof Error ? error.message : String(error), error)
  }
}

/** SQLite's primary result code of an error, -1 for any other. */
export const resultCode = (error: unknown): number => {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : -1
}
export const SQLITE_BUSY = 5
export const SQLITE_FULL = 13
