// Seeded randomness for faults and their schedules: one seed reproduces a plan, if not the moment at which the machine meets it.

/** mulberry32: small, seeded; numbers in [0, 1). */
export const randomOf = (seed: number) => {
  let state = seed | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Random = ReturnType<typeof randomOf>

export const pick = <T>(random: Random, items: readonly T[]): T => {
  const found = items[Math.floor(random() * items.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}
