// Who should own which partition: balanced, sticky, and never two at once.
// Stands between the members of a group and the generation their leader writes; pure, the same for every client that can carry it.

export interface Member {
  readonly id: string
  /** What it holds, or has not let go of yet. */
  readonly held: ReadonlySet<number>
  /** The generation in which it was given that; of two who claim a partition the later one holds it. */
  readonly generation: number
  /** What it could take over cheaply: it has the local files. */
  readonly preferred: ReadonlySet<number>
}

const holdersOf = (members: readonly Member[]): Map<number, Member> => {
  const holders = new Map<number, Member>()
  for (const member of members)
    for (const partition of member.held) if ((holders.get(partition)?.generation ?? -1) < member.generation) holders.set(partition, member)
  return holders
}

/** Each member's share: equal but for one; the extra ones go to those who hold most. */
const sharesOf = (members: readonly Member[], holders: ReadonlyMap<number, Member>, partitions: number): Map<string, number> => {
  const heldBy = new Map(members.map(({ id }) => [id, 0]))
  for (const { id } of holders.values()) heldBy.set(id, (heldBy.get(id) ?? 0) + 1)
  const least = Math.floor(partitions / members.length)
  const ranked = members.toSorted(
    (left, right) => (heldBy.get(right.id) ?? 0) - (heldBy.get(left.id) ?? 0) || (left.id < right.id ? -1 : 1),
  )
  return new Map(ranked.map(({ id }, rank) => [id, least + (rank < partitions % members.length ? 1 : 0)]))
}

/**
 * The partitions of each member, 0 to `partitions` - 1. One that must move is first taken from who holds it and given to nobody;
 * the next generation, which that member asks for once it has let go, gives it away.
 */
export const assignPartitions = (members: readonly Member[], partitions: number): Map<string, number[]> => {
  const given = new Map<string, number[]>(members.map(({ id }) => [id, []]))
  if (members.length === 0) return given
  const holders = holdersOf(members)
  const shares = sharesOf(members, holders, partitions)
  const roomOf = (id: string): number => (shares.get(id) ?? 0) - (given.get(id)?.length ?? 0)
  const free: number[] = []
  // Counts what members give up against their room, so that nobody is given it before it is free.
  for (let partition = 0; partition < partitions; partition++) {
    const holder = holders.get(partition)
    if (holder === undefined) free.push(partition)
    else if (roomOf(holder.id) > 0) given.get(holder.id)?.push(partition)
  }
  const ordered = free.toSorted(
    (left, right) =>
      Number(members.some(({ preferred }) => preferred.has(right))) - Number(members.some(({ preferred }) => preferred.has(left))),
  )
  for (const partition of ordered) {
    const hungry = members.filter(({ id }) => roomOf(id) > 0)
    const best = hungry.toSorted(
      (left, right) => Number(right.preferred.has(partition)) - Number(left.preferred.has(partition)) || roomOf(right.id) - roomOf(left.id),
    )[0]
    if (best !== undefined) given.get(best.id)?.push(partition)
  }
  for (const list of given.values()) list.sort((left, right) => left - right)
  return given
}
