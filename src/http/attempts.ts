// Counts attempts in windows, by whom and for whom, in bounded memory: guessing passwords must be slow.
// Between public routes and whoever tries them often.

import { LRUCache } from 'lru-cache'
import { ConfabError } from '#errors'

interface Window {
  count: number
  readonly until: number
}

/** Keys remembered; the longest unused is forgotten first. */
const KEYS_MAX = 20_000

const IPV6_GROUPS = 8
const IPV6_NETWORK_GROUPS = 4

/** What one party has: an IPv4 address, or the first 64 bits of an IPv6 one, of which everybody has 2^64. */
export const partyOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] ?? address
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, IPV6_GROUPS - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right]
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

export class Attempts {
  readonly #windows = new LRUCache<string, Window>({ max: KEYS_MAX })
  readonly #clock: () => number
  readonly #windowMs: number

  constructor(clock: () => number, windowMs: number) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  /** Counts one; throws `rate_limited` beyond `max` a window. */
  take(key: string, max: number): void {
    const now = this.#clock()
    const known = this.#windows.get(key)
    const window = known === undefined || known.until <= now ? { count: 0, until: now + this.#windowMs } : known
    if (window.count >= max) throw new ConfabError('rate_limited', { retryAfterSeconds: Math.ceil((window.until - now) / 1000) })
    window.count++
    this.#windows.set(key, window)
  }

  /** Takes one back: it was no guess. */
  giveBack(key: string): void {
    const window = this.#windows.get(key)
    if (window !== undefined && window.count > 0) window.count--
  }

  /** After a success. */
  forget(key: string): void {
    this.#windows.delete(key)
  }
}
