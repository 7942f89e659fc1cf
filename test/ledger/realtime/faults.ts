// Faults to the lines of clients and to the server behind them, at random moments by a seed: cuts, blackholes, throttling, SIGKILL, other permissions.
// Between the proxy and a target, and the run, which says when it is enough; one fault at a time, all of them mended at the end.

import type { FaultProxy, Line } from '../../fault/proxy.ts'
import { pick, type Random } from '../random.ts'

export const lineFaults = ['cut', 'cut-after', 'drop', 'blackhole', 'throttle', 'delay'] as const
export type LineFault = (typeof lineFaults)[number]
export type FaultName = LineFault | 'kill' | 'restart' | 'flip'

export interface FaultsOptions {
  readonly proxy: FaultProxy
  readonly random: Random
  /** Names, more often those that stand there more often. */
  readonly kinds: readonly FaultName[]
  /** What no line shows. */
  readonly acts: Readonly<Record<'kill' | 'restart' | 'flip', () => Promise<void>>>
  readonly restMs: () => number
  readonly say: (line: string) => void
}

const CUT_AFTER_BYTES = 3_000
const THROTTLED_BYTES_PER_SECOND = 20_000
const DELAY_MS = 150

const hurt = (line: Line, kind: LineFault, random: Random): void => {
  if (kind === 'cut') line.cut()
  else if (kind === 'cut-after') line.cutAfter(1 + Math.floor(random() * CUT_AFTER_BYTES))
  else if (kind === 'drop') line.drop()
  else if (kind === 'blackhole') line.blackhole()
  else if (kind === 'throttle') line.throttle(THROTTLED_BYTES_PER_SECOND)
  else line.delay(DELAY_MS)
}

const isLineFault = (kind: FaultName): kind is LineFault => (lineFaults as readonly string[]).includes(kind)

/** Begins at once. */
export const startFaults = (options: FaultsOptions): { done(): Readonly<Record<string, number>>; stop(): Promise<void> } => {
  const { proxy, random, kinds, acts, restMs, say } = options
  const counts: Record<string, number> = {}
  const abort = new AbortController()
  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, restMs())
      abort.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
    })
  const once = async (): Promise<void> => {
    const kind = pick(random, kinds)
    if (!isLineFault(kind)) {
      say(kind)
      await acts[kind]()
    } else {
      const lines = proxy.lines.filter(({ isHurt }) => !isHurt)
      if (lines.length === 0) return
      hurt(pick(random, lines), kind, random)
    }
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  const loop = (async (): Promise<void> => {
    for (;;) {
      await rest()
      if (abort.signal.aborted) return
      await once()
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
