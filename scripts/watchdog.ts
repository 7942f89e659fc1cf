// Loaded before each test file: ends a file that hangs, and says what still held it open.
// Stands between one stuck handle and a run that never ends; node:test itself waits for ever.

import { after } from 'node:test'

/** Milliseconds for one file, all its tests together. */
const FILE_TIMEOUT_MS = 600_000

/** Milliseconds after the last test in which everything opened must have been closed. */
const CLOSE_TIMEOUT_MS = 10_000

const endAfter = (timeoutMs: number, what: string): void => {
  const end = (): void => {
    console.error(`${what} within ${timeoutMs / 1000} s; still open: ${process.getActiveResourcesInfo().join(', ')}`)
    process.exit(1)
  }
  setTimeout(end, timeoutMs).unref()
}

endAfter(FILE_TIMEOUT_MS, 'The tests of this file did not end')
after(() => endAfter(CLOSE_TIMEOUT_MS, 'The tests ended, but the file did not close what it opened'))
