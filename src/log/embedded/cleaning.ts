// Housekeeping of the log: retention by age, superseded records, old tombstones; in slices of a few hundred rows.
// Stands beside the writer's loop, which runs one slice whenever no packet waits.

import { topicNames, topics, type Topic } from '#topics'
import { HEAD, offsetOfPosition, streamOf, streamOfPosition, tableOf, topicIdOf } from './layout.ts'
import { isTombstone, timeOf } from './record.ts'
import type { Store } from './store.ts'

/** Rows and bytes that one slice looks at: a few milliseconds. */
const SLICE_ROWS = 200
const SLICE_BYTES = 4_194_304

export interface CleanResult {
  readonly deleted: number
  /** Streams whose start moved. */
  readonly streams: readonly number[]
}

/** One pass over what has become due at `now` (ms); yields after each slice, which is one transaction. */
export function* cleanLog(store: Store, now: number): Generator<CleanResult, void> {
  yield* retainByAge(store, now)
  yield* removeSuperseded(store, now)
  yield* removeTombstones(store, now)
}

function* retainByAge(store: Store, now: number): Generator<CleanResult, void> {
  for (const topic of topicNames) {
    const settings: { retentionMs?: number; partitions: number } = topics[topic]
    const retentionMs = store.options.retentionMs[topic] ?? settings.retentionMs
    if (retentionMs === undefined) continue
    for (let partition = 0; partition < settings.partitions; partition++) yield* retainStream(store, topic, partition, now - retentionMs)
  }
}

function* retainStream(store: Store, topic: Topic, partition: number, before: number): Generator<CleanResult, void> {
  const stream = streamOf(store.topicIds[topic], partition)
  for (;;) {
    const { ids, start } = findDue(store, topic, stream, before)
    if (ids.length === 0) return
    store.transact(() => store.deleteBefore(tableOf(topic), stream, ids, start))
    yield { deleted: ids.length, streams: [stream] }
  }
}

/** The first rows of a stream as far as they are older than `before`, and where it begins without them. */
const findDue = (store: Store, topic: Topic, stream: number, before: number): { readonly ids: number[]; readonly start: number } => {
  const end = store.ends[stream] as number
  const ids: number[] = []
  let bytes = 0
  for (const { id, position, body } of store.index.rows(tableOf(topic), stream, store.starts[stream] as number, end)) {
    if (timeOf(body) >= before || ids.length === SLICE_ROWS || bytes > SLICE_BYTES) return { ids, start: offsetOfPosition(position) }
    ids.push(id)
    bytes += body.length
  }
  return { ids, start: end }
}

const compactedTo = (store: Store): number =>
  Number(store.database.prepare(`SELECT value FROM state WHERE name = 'compacted'`).get()?.['value'])

/** Walks rows once, in commit order, when they are old enough: each removes what it superseded and notes itself if a tombstone. */
function* removeSuperseded(store: Store, now: number): Generator<CleanResult, void> {
  const select = store.database.prepare(`SELECT id, position, hash, ${HEAD} AS body FROM kept WHERE id > ? ORDER BY id LIMIT ?`)
  const save = store.database.prepare(`UPDATE state SET value = ? WHERE name = 'compacted'`)
  const note = store.database.prepare('INSERT OR IGNORE INTO tombstones VALUES (?)')
  for (let from = compactedTo(store); ;) {
    const rows = select.all(from, SLICE_ROWS)
    const young = rows.findIndex((row) => timeOf(row['body'] as Uint8Array) > now - store.options.compactionLagMs)
    const due = young === -1 ? rows : rows.slice(0, young)
    if (due.length === 0) return
    let deleted = 0
    store.transact(() => {
      deleted = 0
      for (const row of due) {
        const body = row['body'] as Uint8Array
        const position = row['position'] as number
        const topic = store.topicOf[topicIdOf(streamOfPosition(position))] as Topic
        if (topics[topic].cleanup === 'latest' && row['hash'] !== null) deleted += store.deleteOlder(position, row['hash'] as number, body)
        if (isTombstone(body)) note.run(row['id'] as number)
      }
      from = due.at(-1)?.['id'] as number
      save.run(from)
    })
    yield { deleted, streams: [] }
  }
}

function* removeTombstones(store: Store, now: number): Generator<CleanResult, void> {
  const select = store.database.prepare(
    'SELECT tombstones.id, position, substr(body, 1, 9) AS head FROM tombstones LEFT JOIN kept ON kept.id = tombstones.id ORDER BY tombstones.id LIMIT ?',
  )
  const remove = store.database.prepare('DELETE FROM kept WHERE id = ?')
  const forget = store.database.prepare('DELETE FROM tombstones WHERE id = ?')
  for (;;) {
    const rows = select.all(SLICE_ROWS)
    const young = rows.findIndex(
      (row) => row['head'] !== null && timeOf(row['head'] as Uint8Array) > now - store.options.tombstoneRetentionMs,
    )
    const due = young === -1 ? rows : rows.slice(0, young)
    if (due.length === 0) return
    store.transact(() => {
      for (const row of due) {
        if (row['position'] !== null) store.saveStream(streamOfPosition(row['position'] as number))
        remove.run(row['id'] as number)
        forget.run(row['id'] as number)
      }
    })
    yield { deleted: due.length, streams: [] }
  }
}
