// A whole server as its users run it: a process of its own over a data directory of its own, with its port and tokens read back.
// For tests that kill, restart or look at it from outside, and for benchmarks.

import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ServerOptions {
  readonly dataDirectory?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly port?: number
  /** Put before node: strace and its options. */
  readonly wrapper?: readonly string[]
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  readonly dataDirectory: string
  readonly process: ChildProcess
  /** Everything it printed. */
  output(): string
  /** The owner's bearer token. */
  token(): Promise<string>
  /** A request as the owner; throws on anything but 2xx. */
  api<T>(
    path: string,
    options?: { readonly method?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<T>
  /** SIGKILL, and waits until the kernel has taken the process. */
  kill(): Promise<void>
  /** SIGTERM, and waits; answers the exit code. */
  stop(): Promise<number | null>
}

const ENTRY = join(import.meta.dirname, '..', 'src', 'cli', 'confab.ts')
const READY_MS = 60_000

export const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'confab-test-'))
export const removeDirectory = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 5 })

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** Calls `check` until it answers something, a short turn apart; throws what it last said after `timeoutMs`. */
export const until = async <T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = READY_MS,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const value = await check()
      if (value !== undefined && value !== false) return value
      last = undefined
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last })
}

const exited = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', (code) => resolve(code)))

/** Starts a server and waits until it is ready. Throws with its output where it ends before. */
export const startServer = async (options: ServerOptions = {}): Promise<RunningServer> => {
  const dataDirectory = options.dataDirectory ?? (await temporaryDirectory())
  const port = options.port ?? (await freePort())
  const environment = {
    ...process.env,
    CONFAB_PORT: String(port),
    CONFAB_HOST: '127.0.0.1',
    CONFAB_DATA_DIR: dataDirectory,
    CONFAB_LOG_LEVEL: 'warn',
    // Every client of a test comes from one address.
    CONFAB_HANDSHAKES_PER_SECOND: '100000',
    ...options.environment,
  }
  const [command, ...rest] = [...(options.wrapper ?? []), process.execPath, ENTRY, 'serve']
  // A wrapper is signalled together with what it wraps: strace killed alone leaves its tracee running.
  const isWrapped = options.wrapper !== undefined
  const child = spawn(command ?? process.execPath, rest, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: isWrapped })
  const signal = (name: NodeJS.Signals): void => {
    if (isWrapped && child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name)
    else child.kill(name)
  }
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-200_000)))
  const url = `http://127.0.0.1:${port}`
  const token = async (): Promise<string> => (await readFile(join(dataDirectory, 'admin-token'), 'utf8')).trim()
  await until(`the server at ${url} is ready`, async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended:\n${printed}`)
    return (await fetch(`${url}/readyz`)).ok
  }).catch((error: unknown) => {
    signal('SIGKILL')
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${printed}`, { cause: error })
  })
  return {
    url,
    port,
    dataDirectory,
    process: child,
    output: () => printed,
    token,
    async api<T>(path: string, request: { method?: string; body?: unknown; headers?: Readonly<Record<string, string>> } = {}) {
      const headers: Record<string, string> = { authorization: `Bearer ${await token()}`, ...request.headers }
      if (request.body !== undefined) headers['content-type'] = 'application/json'
      const answer = await fetch(`${url}${path}`, {
        method: request.method ?? (request.body === undefined ? 'GET' : 'POST'),
        headers,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${request.method ?? ''} ${path}: ${answer.status} ${text}`)
      return (text === '' ? null : JSON.parse(text)) as T
    },
    async kill() {
      signal('SIGKILL')
      await exited(child)
    },
    async stop() {
      signal('SIGTERM')
      return exited(child)
    },
  }
}
