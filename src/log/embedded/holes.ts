// The random numbers behind the holes switch of the contract suite.
// Stands beside writer and readers, which leave holes and cut chunks where it says so.

/** Mulberry32: the test switch's own small generator, so that a seed gives the same holes everywhere. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
