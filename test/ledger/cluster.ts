// A cluster for the ledger: real brokers, several nodes that share a site's secret, each of which can be killed, stopped and started anew.
// Stands between the harness of one server and of Kafka, and the runs that put both under fire.

import { join } from 'node:path'
import { freePort, removeDirectory, startServer, temporaryDirectory, type RunningServer } from '../harness.ts'
import { startOwnKafka, type TestKafka } from '../kafka/index.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly brokers: 1 | 3
  readonly client: 'kafkajs' | 'confluent'
  /** Another checkout's entry for the n-th node: an older version beside this one. */
  readonly entryOf?: (node: number) => string | undefined
  readonly environment?: Readonly<Record<string, string>>
  /** What a node's own settings are, by how the others reach it. */
  readonly environmentOf?: (url: string) => Readonly<Record<string, string>>
}

/** One place in the cluster: what runs there comes and goes, its address and its folder stay. */
export interface Place {
  readonly index: number
  readonly port: number
  readonly url: string
  isUp(): boolean
  /** Of the process that runs now. */
  pid(): number
  kill(): Promise<void>
  start(): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
  /** SIGSTOP and SIGCONT. */
  pause(): void
  resume(): void
  output(): string
}

export interface Cluster {
  readonly kafka: TestKafka
  readonly places: readonly Place[]
  /** Those that run now. */
  up(): readonly Place[]
  token(): Promise<string>
  /** A request as the owner to a node that runs. */
  api: RunningServer['api']
  stop(): Promise<void>
}

interface OwnPlace extends Place {
  readonly dataDirectory: string
  server(): RunningServer
}

const openPlace = async (
  index: number,
  shared: Readonly<Record<string, string>>,
  own: ClusterOptions['environmentOf'],
): Promise<OwnPlace> => {
  const port = await freePort()
  const environment = { ...shared, ...own?.(`http://127.0.0.1:${port}`) }
  const dataDirectory = await temporaryDirectory()
  let running: RunningServer | undefined
  let isPaused = false
  const server = (): RunningServer => {
    if (running === undefined) throw new Error(`node ${index} is down`)
    return running
  }
  return {
    index,
    port,
    url: `http://127.0.0.1:${port}`,
    dataDirectory,
    server,
    isUp: () => running !== undefined && !isPaused,
    pid: () => server().process.pid ?? 0,
    async start() {
      running = await startServer({ port, dataDirectory, environment })
    },
    async kill() {
      const { kill } = server()
      running = undefined
      await kill()
    },
    async stop() {
      const { stop } = server()
      running = undefined
      return stop()
    },
    pause() {
      isPaused = true
      server().process.kill('SIGSTOP')
    },
    resume() {
      server().process.kill('SIGCONT')
      isPaused = false
    },
    output: () => running?.output() ?? '',
  }
}

/** Starts brokers, then the nodes one after another: the first makes the site. */
export const openCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const kafka = await startOwnKafka({ brokers: options.brokers })
  const shared = await temporaryDirectory()
  const publicPort = await freePort()
  const environment = {
    CONFAB_KAFKA_BROKERS: kafka.bootstrap,
    CONFAB_KAFKA_CLIENT: options.client,
    CONFAB_KAFKA_REPLICATION: String(options.brokers),
    CONFAB_SECRET_FILE: join(shared, 'secret'),
    // What Twilio signs: one address for all nodes, as behind a load balancer.
    CONFAB_PUBLIC_URL: `http://127.0.0.1:${publicPort}`,
    ...options.environment,
  }
  const places = await Promise.all(
    Array.from({ length: options.nodes }, (_, index) => openPlace(index, environment, options.environmentOf)),
  )
  const stop = async (): Promise<void> => {
    for (const place of places) if (place.isUp()) await place.kill()
    for (const place of places) await removeDirectory(place.dataDirectory)
    await kafka.stop()
    await removeDirectory(shared)
  }
  try {
    for (const place of places) await place.start()
  } catch (error) {
    await stop()
    throw error
  }
  const up = (): readonly (typeof places)[number][] => places.filter((place) => place.isUp())
  const any = (): RunningServer => {
    const [first] = up()
    if (first === undefined) throw new Error('no node runs')
    return first.server()
  }
  return { kafka, places, up, token: () => any().token(), api: (path, request) => any().api(path, request), stop }
}
