// The command line as its users run it: a process of its own, its output and exit code read back.

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'cli', 'confab.ts')

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** User to run as. */
  readonly user?: number
  /** Ends it with SIGKILL after this long. */
  readonly timeoutMs?: number
}

/** Nothing of the caller's own settings. */
const bare = (): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONFAB_')))

export interface Running {
  readonly process: ChildProcess
  /** What it has printed so far. */
  out(): string
  readonly ended: Promise<Ran>
}

export const startConfab = (parameters: readonly string[], { environment = {}, user, timeoutMs = 30_000 }: RunOptions = {}): Running => {
  const child = spawn(process.execPath, [ENTRY, ...parameters], {
    env: { ...bare(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  child.once('error', reject).once('close', (code) => resolve({ code, out, err }))
  return { process: child, out: () => out, ended: promise }
}

export const confab = (parameters: readonly string[], options: RunOptions = {}): Promise<Ran> => startConfab(parameters, options).ended
