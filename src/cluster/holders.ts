// Who holds a partition: its owner first, then the next nodes in rendezvous order. Pure: every node that knows the same says the same.
// Between the routing table and those who fold or ask.

import { createHash } from 'node:crypto'

/** A node's weight for a partition: the highest is the first (rendezvous hashing), so that a node that goes moves its own partitions only. */
const weightOf = (node: string, partition: number): bigint =>
  createHash('sha256').update(`${partition} ${node}`).digest().readBigUInt64BE(0)

export interface HoldersWish {
  readonly owner: string | undefined
  /** Nodes that live and fold views. */
  readonly live: readonly string[]
  /** Nodes beside the owner. */
  readonly standbys: number
}

/** All live nodes in the order in which they should hold the partition. An owner that is dead, or folds no views, has no place. */
export const orderOf = (partition: number, { owner, live }: Omit<HoldersWish, 'standbys'>): string[] => {
  const weighed = live.map((node) => ({ node, weight: weightOf(node, partition) }))
  // Equal weights would need equal names.
  const order = weighed.sort((a, b) => (a.weight > b.weight ? -1 : 1)).map(({ node }) => node)
  return owner !== undefined && live.includes(owner) ? [owner, ...order.filter((node) => node !== owner)] : order
}

/** Who should hold the partition: one more than there are standbys, as far as nodes live. */
export const holdersOf = (partition: number, { standbys, ...wish }: HoldersWish): string[] =>
  orderOf(partition, wish).slice(0, standbys + 1)
