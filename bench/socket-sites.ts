// The servers that socket benchmarks measure, as one: ours over its webhooks, bare ws and Socket.IO over a publishing route.
// Between processes of their own and the benchmark; all of them send the same number of bytes for the same event.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, removeDirectory, startServer, until, type RunningServer } from '../test/harness.ts'
import { inboundParameters, messageSid, signTwilio, type TwilioAccount } from '../test/twilio-webhooks.ts'
import { connectTwilio } from './ingest.ts'
import { BenchSocket, type ClientOptions, type Dialect } from './sockets.ts'

/** A token's sockets: far below the server's limit, since those that fell silent stay open for a while. */
const SOCKETS_PER_TOKEN = 3
/** Addresses that clients come from. */
const SOURCES = 40
const HANDSHAKES = 200
const CONVERSATIONS = 100
/** What others send beside the number: about as many bytes as an event of ours. */
const FILL = 'x'.repeat(620)
const BEARERS = 16

export type Hook = Omit<ClientOptions, 'port' | 'dialect' | 'credential' | 'localAddress'> & {
  /** Of a proxy before the server. */
  readonly port?: number
  /** The room, where the server has rooms. */
  readonly room?: string
}

export interface PublishOptions {
  /** More characters of text. */
  readonly fill?: number
  /** Rooms, where the server has rooms. */
  readonly keys?: readonly string[]
  readonly times?: number
  /** The account that it comes in by, where the server has accounts. */
  readonly account?: TwilioAccount
}

export interface Site {
  readonly dialect: Dialect
  readonly port: number
  pid(): number
  /** The n-th client; same number, same principal. */
  dial(n: number, hook: Hook): BenchSocket
  /** An event that carries #number#; resolves when the server has answered. */
  publish(number: number, options?: PublishOptions): Promise<void>
  kill(): Promise<void>
  /** SIGTERM, and up again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Number of an event; -1 where it has none. */
export const numberOf = (bytes: Buffer, start: number, end: number): number => {
  const at = bytes.indexOf('#', start)
  return at < 0 || at >= end ? -1 : Number.parseInt(bytes.toString('latin1', at + 1, at + 12), 10)
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const post = (port: number, path: string, body: string, headers: Record<string, string>): Promise<void> =>
  new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    asked.on('response', (answer) => {
      answer.resume()
      answer.on('end', () =>
        (answer.statusCode ?? 500) < 300 ? resolve() : reject(new Error(`${path.split('?')[0]?.slice(0, 10)}: ${answer.statusCode}`)),
      )
    })
    asked.on('error', reject)
    asked.end(body)
  })

const sourceOf = (n: number): string => `127.0.0.${2 + (n % SOURCES)}`

class ConfabSite implements Site {
  readonly dialect = 'confab'
  readonly server: RunningServer
  readonly #account: TwilioAccount
  readonly #tokens: readonly string[]
  #server: RunningServer
  #sent = 0

  constructor(server: RunningServer, account: TwilioAccount, tokens: readonly string[]) {
    this.server = this.#server = server
    this.#account = account
    this.#tokens = tokens
  }

  get port(): number {
    return this.server.port
  }
  pid(): number {
    return this.#server.process.pid ?? 0
  }
  dial(n: number, hook: Hook): BenchSocket {
    const credential = this.#tokens[n % this.#tokens.length] ?? ''
    return new BenchSocket({ port: this.port, dialect: 'confab', credential, localAddress: sourceOf(n), ...hook })
  }
  publish(number: number, { fill = 0, account = this.#account }: PublishOptions = {}): Promise<void> {
    const sid = messageSid(50, this.#sent++)
    const from = `+1555${String(1_000_000 + (this.#sent % CONVERSATIONS))}`
    const parameters = inboundParameters(account, { sid, from, text: `#${number}#${'x'.repeat(fill)}` })
    return post(this.port, account.path, new URLSearchParams(parameters).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signTwilio(account.authToken, `${account.publicUrl}${account.path}`, parameters),
    })
  }
  async kill(): Promise<void> {
    await this.#server.kill()
  }
  async restart(): Promise<void> {
    if (this.#server.process.exitCode === null && this.#server.process.signalCode === null) await this.#server.stop()
    this.#server = await startServer({ port: this.port, dataDirectory: this.server.dataDirectory, environment: quiet })
  }
  async stop(): Promise<void> {
    await this.#server.kill()
    await removeDirectory(this.server.dataDirectory)
  }
}

const quiet = { CONFAB_LOG_LEVEL: 'error' }

/** A server with a Twilio account, its conversations begun, and tokens for so many clients. */
export const openConfab = async (clients: number, perToken = SOCKETS_PER_TOKEN): Promise<ConfabSite> => {
  const server = await startServer({ environment: quiet })
  try {
    const account = await connectTwilio(server)
    const tokens: string[] = []
    const wanted = Math.ceil(clients / perToken)
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < wanted) {
        const { token } = await server.api<{ token: string }>('/v1/tokens', { body: { name: `bench ${next++}`, role: 'integration' } })
        tokens.push(token)
      }
    }
    await Promise.all(Array.from({ length: BEARERS }, lane))
    const site = new ConfabSite(server, account, tokens)
    for (let n = 0; n < CONVERSATIONS; n++) await site.publish(-1)
    await until('the conversations are listed', async () => {
      const { items } = await server.api<{ items: unknown[] }>('/v1/conversations?limit=100')
      return items.length === CONVERSATIONS
    })
    return site
  } catch (error) {
    await server.kill()
    throw error
  }
}

class BareSite implements Site {
  readonly dialect: Dialect
  readonly port: number
  readonly #mode: string
  #child: ChildProcess | undefined

  constructor(mode: 'ws' | 'socketio' | 'recovery', port: number) {
    this.#mode = mode
    this.dialect = mode === 'ws' ? 'ws' : 'socketio'
    this.port = port
  }

  async up(): Promise<void> {
    const path = join(import.meta.dirname, 'bare-server.ts')
    const child = spawn(process.execPath, [path, this.#mode, String(this.port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    await once(child.stdout, 'data')
  }
  pid(): number {
    return this.#child?.pid ?? 0
  }
  dial(n: number, hook: Hook): BenchSocket {
    return new BenchSocket({ port: this.port, dialect: this.dialect, credential: hook.room ?? 'all', localAddress: sourceOf(n), ...hook })
  }
  publish(number: number, { fill = 0, keys = ['all'], times = 1 }: PublishOptions = {}): Promise<void> {
    return post(this.port, '/publish', JSON.stringify({ keys, times, event: { text: `#${number}#`, fill: FILL + 'x'.repeat(fill) } }), {})
  }
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  async restart(): Promise<void> {
    await this.kill()
    await this.up()
  }
  stop(): Promise<void> {
    return this.kill()
  }
}

export const openBare = async (mode: 'ws' | 'socketio' | 'recovery'): Promise<BareSite> => {
  const site = new BareSite(mode, await freePort())
  await site.up()
  return site
}

/** Runs with a site that is gone afterwards. */
export const withSite = async <S extends Site, T>(opened: Promise<S>, act: (site: S) => Promise<T>): Promise<T> => {
  const site = await opened
  try {
    return await act(site)
  } finally {
    await site.stop()
  }
}

/** Opens clients, numbered from the first, so many handshakes at a time, and waits until all are live. */
export const openClients = async (site: Site, count: number, hookOf: (n: number) => Hook, first = 0): Promise<BenchSocket[]> => {
  const clients: BenchSocket[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const n = next++
      for (let isLive = false; !isLive;) {
        isLive = await new Promise<boolean>((resolve) => {
          const hook = hookOf(n)
          const onLive = (): void => (hook.onLive?.(), resolve(true))
          clients[n] = site.dial(first + n, { ...hook, onLive, onClose: (why) => (resolve(false), hook.onClose?.(why)) })
        })
        if (!isLive) await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(HANDSHAKES, count) }, lane))
  return clients
}

/** Resident bytes of a process. */
export const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024

/** Milliseconds of CPU that a process has used. */
export const cpuOf = async (pid: number): Promise<number> => {
  const text = await promisify(readFile)(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Files that this process may open: a socket is one, here and in the server. Node raises its soft limit to the hard one itself. */
export const filesMax = (): number => Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024)

/** As many clients as wanted, or as the limit allows; says so where it does not. */
export const clientsWithin = (wanted: number, say: (line: string) => void): number => {
  const most = filesMax() - 200
  if (wanted <= most) return wanted
  say(`only ${most} of ${wanted} clients: ulimit -n is ${filesMax()}`)
  return most
}
