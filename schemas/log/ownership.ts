// What `ownership` holds: leases, and marks of work that nodes must not begin anew.
// Between the nodes of a site: who may write what, read back how far, brought in which archives.

import { array, id, int, long, record, text, time, type Infer } from './avro.ts'

export const leaseRecord = record('LeaseRecord', { owner: text, partition: int, epoch: long, node: text, url: text, at: time })
export type LeaseRecord = Infer<typeof leaseRecord>

/** Up to when an account's messages were read back whole from its provider. Key: backfill/account, in `ownership`, apart from leases. */
export const backfillMark = record('BackfillMark', { accountId: id, readUpTo: time })

/** An archive was brought in whole. Key: import/archive, in `ownership`, apart from leases. */
export const importMark = record('ImportMark', { archiveId: text, at: time })

/** A node that lives and folds views, every few seconds. Key: node/url, apart from leases; a tombstone when it stops. */
export const nodeRecord = record('NodeRecord', {
  /** How other nodes reach it. */
  url: text,
  /** Drawn at its start: two processes under one url are told apart. */
  instance: text,
  /** The partitions of conversations it answers for, and the NEXT offset of `events` it has applied. */
  serves: array(record('NodePartition', { partition: int, applied: long })),
  at: time,
})
export type NodeRecord = Infer<typeof nodeRecord>
