// The data directory, made and tried before anything is opened in it.
// Between CONFAB_DATA_DIR, which may name anything, and the parts that would each fail in their own words.

import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfabError } from '#errors'

/** What a node keeps there; each may have been left by another user. */
const FOLDERS = ['.', 'log', 'views', 'files'] as const

const DATABASE = /\.db(?:-wal|-shm|-journal)?$/

/** Makes the directory and its folders where they are missing. Throws `data_unwritable` naming the path. */
export const openDataDirectory = (path: string): void => {
  for (const folder of FOLDERS) {
    const place = join(path, folder)
    try {
      mkdirSync(place, { recursive: true, mode: 0o700 })
      accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK)
      // SQLite opens what it may not write, and fails at the first write only.
      for (const name of readdirSync(place)) if (DATABASE.test(name)) accessSync(join(place, name), constants.R_OK | constants.W_OK)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ConfabError('data_unwritable', { detail: `CONFAB_DATA_DIR is ${path}: ${reason}.`, fields: { path: place }, cause })
    }
  }
}
