// A real Apache Kafka for tests: one or three brokers (KRaft, combined) on free ports, data in a temporary folder.
// Stands between the suites and Java; CONFAB_TEST_KAFKA names brokers that are there already, which nothing here kills.

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { findJava, provideKafka } from '../../scripts/kafka.ts'
import { Broker, formatStorage } from './broker.ts'
import { serverProperties, users } from './properties.ts'

export interface KafkaOptions {
  readonly brokers?: 1 | 3
  /** SASL on the listener, and the authorizer: nobody but `admin` may do what no ACL allows. */
  readonly sasl?: boolean
  /** Whether compaction runs; default yes. Records of the suites are years old: it would take what they still look at. */
  readonly cleaner?: boolean
}

export interface TestKafka {
  /** host:port, comma-separated. */
  readonly bootstrap: string
  /** SIGKILL; resolves when the process is gone. */
  kill(index: number): Promise<void>
  /** Starts a killed broker over its old data; resolves when the whole cluster sees it. */
  restart(index: number): Promise<void>
  /** SIGSTOP and SIGCONT. */
  pause(index: number): void
  resume(index: number): void
  /** Folder of a broker's data. */
  dataOf(index: number): string
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 90_000

const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const waitFor = async (bootstrap: string, brokers: number, sasl: SASLOptions | undefined): Promise<void> => {
  const kafka = new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...(sasl === undefined ? {} : { sasl }),
  })
  for (const endsAt = performance.now() + START_TIMEOUT_MS; ; await sleep(50)) {
    const admin = kafka.admin()
    try {
      await admin.connect()
      if ((await admin.describeCluster()).brokers.length >= brokers) return
    } catch (error) {
      if (performance.now() > endsAt) throw error
    } finally {
      await admin.disconnect()
    }
    if (performance.now() > endsAt) throw new Error(`Kafka did not come up with ${brokers} brokers`)
  }
}

const foreign = (bootstrap: string): TestKafka => {
  const refuse = (): never => {
    throw new Error('CONFAB_TEST_KAFKA names brokers that are not the test’s to kill')
  }
  return {
    bootstrap,
    kill: () => Promise.reject(new Error('not ours')),
    restart: () => Promise.reject(new Error('not ours')),
    pause: refuse,
    resume: refuse,
    dataOf: refuse,
    stop: () => Promise.resolve(),
  }
}

/** Brokers of the test's own, whatever CONFAB_TEST_KAFKA says: for suites that kill, pause or authorize. */
export const startOwnKafka = async ({ brokers: count = 1, sasl = false, cleaner = true }: KafkaOptions = {}): Promise<TestKafka> => {
  const java = findJava()
  if (java === undefined) throw new Error('These tests need Java 17 or later.')
  const jars = provideKafka()
  const directory = await mkdtemp(join(tmpdir(), 'confab-kafka-'))
  const ports = await freePorts(count * 2)
  const members = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    port: ports[index] as number,
    controllerPort: ports[count + index] as number,
  }))
  const brokers = members.map(
    (member) =>
      new Broker({
        java,
        jars,
        directory: join(directory, String(member.id)),
        properties: serverProperties(member, members, { sasl, cleaner }),
      }),
  )
  const bootstrap = members.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const login: SASLOptions | undefined = sasl ? { mechanism: 'plain', username: 'admin', password: users.admin } : undefined
  const broker = (index: number): Broker => {
    const found = brokers[index]
    if (found === undefined) throw new Error(`no broker ${index}`)
    return found
  }
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((each) => each.kill()))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await Promise.all(brokers.map((each) => formatStorage(each.options, sasl)))
    for (const each of brokers) each.start()
    await waitFor(bootstrap, count, login)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    bootstrap,
    kill: (index) => broker(index).kill(),
    restart: async (index) => {
      broker(index).start()
      await waitFor(bootstrap, count, login)
    },
    pause: (index) => broker(index).signal('SIGSTOP'),
    resume: (index) => broker(index).signal('SIGCONT'),
    dataOf: (index) => join(broker(index).options.directory, 'data'),
    stop,
  }
}

/** Brokers to talk to: those of CONFAB_TEST_KAFKA, else some of the test's own. */
export const startKafka = (options: KafkaOptions = {}): Promise<TestKafka> => {
  const given = process.env['CONFAB_TEST_KAFKA'] ?? ''
  return given === '' ? startOwnKafka(options) : Promise.resolve(foreign(given))
}
