// One broker's process: formatted, started under a guard, killed, stopped and continued by signals.
// Stands between the harness and Java; the guard kills the broker when the test's process is gone, however that ended.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync, closeSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { users } from './properties.ts'

export interface BrokerOptions {
  readonly java: string
  readonly jars: string
  readonly directory: string
  readonly properties: Readonly<Record<string, string>>
}

/** 16 bytes in Kafka's base64: the same for every test, each of which has its own ports and folders. */
const CLUSTER_ID = 'Y29uZmFiLXRlc3QtMDAwMA'

/** Prints the broker's process id; its stdin is the lifeline: when it closes, the broker dies. */
const GUARD = `exec 3<&0
"$@" </dev/null >>"$BROKER_LOG" 2>&1 3<&- &
broker=$!
echo $broker
(cat <&3 >/dev/null; kill -9 $broker 2>/dev/null) &
wait $broker
exit 0`

/** Seconds after which a format that hangs has failed. */
const FORMAT_TIMEOUT_MS = 60_000

const propertiesFile = ({ directory, properties }: BrokerOptions): string => {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'server.properties')
  const all = { ...properties, 'log.dirs': join(directory, 'data') }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(file, lines.join(''))
  return file
}

const javaArguments = ({ jars }: BrokerOptions, heap: string): string[] => [
  `-Xmx${heap}`,
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',

  '-Xshare:auto',
  '-Djava.awt.headless=true',
  '-cp',
  join(jars, '*'),
]

/** Writes the metadata a broker starts from, and the SCRAM users. */
export const formatStorage = async (options: BrokerOptions, hasSasl: boolean): Promise<void> => {
  const file = propertiesFile(options)
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    Object.entries(users).flatMap(([name, password]) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
  )
  const words = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file, ...(hasSasl ? scram : [])]
  const log = openSync(join(options.directory, 'format.log'), 'a')
  const child = spawn(options.java, [...javaArguments(options, '128m'), ...words], {
    stdio: ['ignore', log, log],
    timeout: FORMAT_TIMEOUT_MS,
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  closeSync(log)
  if (code !== 0) throw new Error(`Kafka's storage could not be formatted: ${readFileSync(join(options.directory, 'format.log'), 'utf8')}`)
}

export class Broker {
  readonly options: BrokerOptions
  #guard: ChildProcess | undefined
  #pid: Promise<number> | undefined
  #knownPid = 0

  constructor(options: BrokerOptions) {
    this.options = options
  }

  start(): void {
    const words = [...javaArguments(this.options, '320m'), 'kafka.Kafka', join(this.options.directory, 'server.properties')]
    const env = { ...process.env, BROKER_LOG: join(this.options.directory, 'server.log') }
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', this.options.java, ...words], { stdio: ['pipe', 'pipe', 'ignore'], env })
    this.#guard = guard
    // A signal reaches the broker alone: the guard's pipes must not keep the test's process alive.
    guard.unref()
    for (const stream of [guard.stdin, guard.stdout]) (stream as unknown as { unref?: () => void }).unref?.()
    const lines = createInterface({ input: guard.stdout })
    this.#pid = once(lines, 'line').then(([line]) => {
      lines.close()
      return (this.#knownPid = Number(line))
    })
  }

  signal(name: NodeJS.Signals): void {
    if (this.#knownPid > 0) process.kill(this.#knownPid, name)
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const guard = this.#guard
    if (guard === undefined) return
    this.#guard = undefined
    await this.#pid
    guard.ref()
    const gone = guard.exitCode === null ? once(guard, 'exit') : Promise.resolve()
    guard.stdin?.end()
    this.signal('SIGCONT')
    this.signal('SIGKILL')
    await gone
    this.#knownPid = 0
  }
}
