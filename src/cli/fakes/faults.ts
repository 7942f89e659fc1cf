// What goes wrong on demand: how often calls fail, how late they answer, and how callbacks are doubled and shuffled.
// Between the options of `confab fake` and each of its providers.

export interface Faults {
  /** Part of all sends that fail, 0 to 1. */
  readonly failures: number
  /** Milliseconds before an answer, at most; drawn for each. */
  readonly latencyMs: number
  /** Part of all callbacks that come twice, and out of order. */
  readonly duplicates: number
  readonly random: () => number
}

export type Mishap = 'none' | 'throttled' | 'error' | 'dropped'

/** Of four failures two are 429, one is a 5xx after the message was taken, one a connection that breaks after it. */
export const mishapOf = ({ failures, random }: Faults): Mishap => {
  if (random() >= failures) return 'none'
  const drawn = random()
  return drawn < 0.5 ? 'throttled' : drawn < 0.75 ? 'error' : 'dropped'
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const latency = ({ latencyMs, random }: Faults): Promise<void> => (latencyMs === 0 ? Promise.resolve() : later(random() * latencyMs))

/** Sends each callback, some twice, in an order of their own where they are. Never throws: a provider tries and goes on. */
export const callBack = async (faults: Faults, callbacks: readonly (() => Promise<unknown>)[]): Promise<void> => {
  const isMessy = faults.random() < faults.duplicates
  const all = isMessy ? [...callbacks, ...callbacks].toSorted(() => faults.random() - 0.5) : callbacks
  for (const call of all) {
    await latency(faults)
    await call().catch(() => undefined)
  }
}
