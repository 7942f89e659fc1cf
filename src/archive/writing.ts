// Writing under a lease of the target: in commits of a bounded size, and only what the target does not hold already.
// Between the stages of an import and the log; the lease's own owner, epoch and position stand on every record.

import { ConfabError } from '#errors'
import type { Entry, Lease, Log, LogRecord, Offset, Owner, StoredRecord } from '#log'
import type { Topic } from '#topics'

/** Of one commit. */
export const RECORDS_MAX = 200
export const BYTES_MAX = 500_000

/** A record as a log takes it. */
export const recordOf = ({ key, value, headers, time }: LogRecord): LogRecord => ({ key, value, headers, time })

/** Parts of a list that one commit carries each. */
export async function* portions<T extends LogRecord>(records: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let portion: T[] = []
  let bytes = 0
  for await (const record of records) {
    portion.push(record)
    bytes += (record.value?.length ?? 0) + record.key.length
    if (portion.length < RECORDS_MAX && bytes < BYTES_MAX) continue
    yield portion
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield portion
}

/** One owner's partition of the target. */
export class Target {
  readonly #log: Log
  readonly #lease: Lease
  readonly #position: Offset | undefined
  readonly partition: number
  /** Records written. */
  written = 0

  constructor(log: Log, lease: Lease, position: Offset | undefined) {
    this.#log = log
    this.#lease = lease
    this.#position = position
    this.partition = lease.partition
  }

  latest(topic: Topic, keys: readonly string[]): Promise<(StoredRecord | null)[]> {
    return this.#log.latest(topic, this.partition, keys)
  }

  async commit(entries: readonly Entry[]): Promise<void> {
    const filled = entries.filter(({ records }) => records.length > 0)
    if (filled.length === 0) return
    await this.#lease.commit({ entries: filled }, this.#position)
    this.written += filled.reduce((sum, { records }) => sum + records.length, 0)
  }

  /** Writes records of one topic, as they are. */
  async put(topic: Topic, records: Iterable<LogRecord>): Promise<void> {
    for await (const portion of portions(records)) await this.commit([{ topic, partition: this.partition, records: portion.map(recordOf) }])
  }

  /** Writes those whose key the target does not hold. */
  async putMissing(topic: Topic, records: AsyncIterable<StoredRecord>): Promise<void> {
    for await (const portion of portions(records)) {
      const held = await this.latest(
        topic,
        portion.map(({ key }) => key),
      )
      await this.put(
        topic,
        portion.filter((_, index) => held[index] === null),
      )
    }
  }

  release(): Promise<void> {
    return this.#lease.release()
  }
}

const commandsOf: Readonly<Partial<Record<Owner, Topic>>> = { conversations: 'commands', contacts: 'contact-commands' }

/** Takes the fence of the target: whoever held it writes nothing from now on. */
export const openTarget = async (log: Log, owner: Owner, partition: number): Promise<Target> => {
  const lease = await log.lease(owner, partition)
  const commands = commandsOf[owner]
  if (commands === undefined) return new Target(log, lease, lease.position)
  return new Target(log, lease, lease.position ?? (await log.bounds(commands, partition)).start)
}

/** What another history under the same id is told by. */
export const conflict = (subjectId: string, what: string): ConfabError =>
  new ConfabError('archive_conflict', { detail: `It is ${subjectId}: ${what}.`, fields: { id: subjectId } })
