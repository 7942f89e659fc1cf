// A virus scanner of the operator's choice: a command that is run with the path of a file and says by its exit code what it found.
// Between fetched media and people; a scanner that fails says nothing, and what nobody has judged is shown to nobody.

import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export type Verdict = 'clean' | 'infected' | 'unjudged'
export type Scan = (bytes: NodeJS.ReadableStream, signal: AbortSignal) => Promise<Verdict>

const TIMEOUT_MS = 120_000

const run = (words: readonly string[], path: string, signal: AbortSignal): Promise<Verdict> =>
  new Promise((resolve) => {
    const [program = '', ...given] = words
    const child = spawn(program, [...given, path], { stdio: 'ignore', signal, timeout: TIMEOUT_MS })
    child.once('error', () => resolve('unjudged'))
    child.once('close', (code) => resolve(code === 0 ? 'clean' : code === 1 ? 'infected' : 'unjudged'))
  })

/** `command`: a program and its arguments, separated by spaces; no shell reads it. */
export const openScan =
  (command: string): Scan =>
  async (bytes, signal) => {
    const directory = await mkdtemp(join(tmpdir(), 'confab-scan-'))
    try {
      const path = join(directory, 'file')
      await pipeline(bytes, createWriteStream(path, { mode: 0o600 }), { signal })
      return await run(
        command.split(/\s+/).filter((word) => word !== ''),
        path,
        signal,
      )
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
