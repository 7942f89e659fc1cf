// Faults at random moments: nodes and brokers killed and started anew, nodes that stand still and wake up. Never two of a kind at once,
// so that what must survive can: one node of three, one broker of three.

import type { Cluster, Place } from './cluster.ts'
import { pick, type Random } from './random.ts'

export type FaultName = 'kill-node' | 'kill-broker' | 'stop-node' | 'restart-node'

export interface FaultsOptions {
  readonly random: Random
  readonly kinds: readonly FaultName[]
  /** Milliseconds between the end of one fault and the next. */
  readonly restMs: () => number
  /** How long what is killed stays away, what stands still stands. */
  readonly downMs: () => number
  readonly say: (line: string) => void
}

export interface Faults {
  /** Counted by name. */
  done(): Readonly<Record<string, number>>
  /** Ends with everything up again. */
  stop(): Promise<void>
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

/** Begins at once; a fault under way when `stop` is called is mended first. */
export const startFaults = (cluster: Cluster, options: FaultsOptions): Faults => {
  const { random, kinds, restMs, downMs, say } = options
  const abort = new AbortController()
  const counts: Record<string, number> = {}
  const acts: Record<FaultName, (place: Place) => Promise<void>> = {
    'kill-node': async (place) => {
      await place.kill()
      await wait(downMs(), abort.signal)
      await place.start()
    },
    'restart-node': async (place) => {
      await place.stop()
      await place.start()
    },
    'stop-node': async (place) => {
      place.pause()
      await wait(downMs(), abort.signal)
      place.resume()
    },
    'kill-broker': async () => {
      const broker = Math.floor(random() * 3)
      await cluster.kafka.kill(broker)
      await wait(downMs(), abort.signal)
      await cluster.kafka.restart(broker)
    },
  }
  const loop = (async (): Promise<void> => {
    while (!abort.signal.aborted) {
      await wait(restMs(), abort.signal)
      if (abort.signal.aborted) return
      const kind = pick(random, kinds)
      const place = pick(random, cluster.places)
      counts[kind] = (counts[kind] ?? 0) + 1
      say(`${kind}${kind === 'kill-broker' ? '' : ` ${place.index}`}`)
      await acts[kind](place)
    }
  })()
  return {
    done: () => counts,
    async stop() {
      abort.abort()
      await loop
    },
  }
}
