// Numbers for ids: SQLite keys and indexes of 8 bytes in place of 36. Deterministic, so cursors outlive a rebuild.
// Between our ids and the tables of both files; readers compare the id itself where two could meet.

/** Rows of ids whose numbers collide lie side by side, at most this many. */
export const COLLISIONS_MAX = 4

/** 53 bits of a string (cyrb53): what 100 million ids share with luck once. */
export const numberOf = (id: string): number => {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at)
    high = Math.imul(high ^ code, 2_654_435_761)
    low = Math.imul(low ^ code, 1_597_334_677)
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909)
  return 4_294_967_296 * (2_097_151 & low) + (high >>> 0)
}

/** Where a new id goes: its number, or the next free one beside it. */
export const freeNumber = (id: string, isTaken: (n: number) => boolean): number => {
  const number = numberOf(id)
  for (let n = number; n < number + COLLISIONS_MAX; n++) if (!isTaken(n)) return n
  throw new Error('more ids share a number than the views provide for')
}

/** The same for ids that come again and again (organizations, accounts, agents), remembered up to a bound. */
export const rememberNumbers = (max = 10_000): ((id: string) => number) => {
  const known = new Map<string, number>()
  return (id) => {
    let number = known.get(id)
    if (number === undefined) {
      if (known.size >= max) known.clear()
      known.set(id, (number = numberOf(id)))
    }
    return number
  }
}
