// Taking leases on Kafka: init, look, fence, wait for what is undecided, find the position (streams §4.2).
// Stands between `Log.lease` and the leases it hands out; knows which of this node's leases still hold.

import { setTimeout as sleep } from 'node:timers/promises'
import { ConfabError } from '#errors'
import { topicNames, topics, type Topic, type TopicSettings } from '#topics'
import type { Batch, LogRecord, Offset, Owner, StoredRecord } from '../index.ts'
import { TransactionFault, type KafkaClient, type Place, type SendEntry, type TransactionalProducer } from './client.ts'
import type { KafkaLogOptions } from './index.ts'
import { KafkaLease, type LeaseOptions } from './lease.ts'
import type { OffsetQuestions } from './offset-questions.ts'
import { findPosition } from './position.ts'

/** The name of a lease's epoch in `ownership`: not `epoch`, by which readers judge whose records to drop. */
const EPOCH_HEADER = 'lease'
const TRANSACTION_TIMEOUT_MS = 10_000
const COMMIT_DEADLINE_MS = 20_000
/** Milliseconds that other owners' open transactions may hold a lease up. */
const STABLE_MS_MAX = 180_000
const STABLE_ALARM_MS = 30_000
const STABLE_LOOK_MS = 10
/** Milliseconds for the question whether a newer lease exists. */
const LOOK_MS_MAX = 3_000

/** The topics that say where an owner stands: each of its commits with a position writes to one of them. */
export const journalsOf: Readonly<Record<Owner, readonly Topic[]>> = {
  conversations: ['events', 'outcomes'],
  contacts: ['contact-events', 'outcomes'],
  sender: ['sends'],
  webhooks: ['attempts', 'deliveries'],
}

/** Whether a batch says by itself where its owner stands; if not, a record that says nothing else must. */
export const isJournaled = (owner: Owner, partition: number, { entries }: Batch): boolean =>
  entries.some((entry) => entry.partition === partition && entry.records.length > 0 && journalsOf[owner].includes(entry.topic))

const ownersOf = (topic: Topic): readonly Owner[] => (topics[topic] as TopicSettings).owners

const outputsOf = (owner: Owner): Topic[] => topicNames.filter((topic) => ownersOf(topic).includes(owner))

export interface LeasesOptions extends Pick<LeaseOptions, 'prepare' | 'batchBytesMax' | 'inFlightBytesMax'> {
  readonly client: KafkaClient
  readonly options: KafkaLogOptions
  readonly questions: OffsetQuestions
  readonly nameOf: (topic: Topic) => string
  /** The newest record of a key in `ownership`. */
  readonly ownershipOf: (key: string) => Promise<StoredRecord | null | undefined>
  readonly onCommitted: (entries: readonly SendEntry[], offsets: readonly Offset[]) => void
  readonly onUnknown: (cause: unknown, fields: object) => void
}

interface Held {
  readonly lease: KafkaLease
  /** The high watermarks of the owner's topics when it was taken. */
  readonly ends: ReadonlyMap<Topic, Offset>
}

export class Leases {
  readonly #options: LeasesOptions
  readonly #held = new Map<string, Held>()
  /** Counts takings a name: an older one of this process knows at once that it is no more. */
  readonly #takings = new Map<string, number>()

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  get live(): number {
    return this.#held.size
  }

  holds(owner: Owner, partition: number): boolean {
    return this.#held.has(`${owner}/${partition}`)
  }

  /** Where a lookup must have read to, when everybody who may write the topic holds their lease here; else undefined. */
  settledEnd(topic: Topic, partition: number): Offset | undefined {
    const owners = ownersOf(topic)
    const ends = owners.map((owner) => this.#held.get(`${owner}/${partition}`)?.ends.get(topic))
    return owners.length === 0 || ends.includes(undefined) ? undefined : Math.max(...(ends as Offset[]))
  }

  /** Rejects with `fenced`, `commit_unknown`, `append_refused`, `log_stale`: take it again. */
  async take(owner: Owner, partition: number): Promise<KafkaLease> {
    const name = `${owner}/${partition}`
    const taking = (this.#takings.get(name) ?? 0) + 1
    this.#takings.set(name, taking)
    this.#held.get(name)?.lease.supersede()
    const { client, options } = this.#options
    const timeoutMs = options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS
    const producer = await client.openTransactional(`${options.prefix}${owner}-${partition}`, timeoutMs)
    try {
      const epoch = (await this.#newestEpoch(name)) + 1
      await this.#fence(producer, owner, partition, epoch)
      const ends = await this.#settle(owner, partition)
      const journals = journalsOf[owner].map((topic) => this.#placeOf(topic, partition))
      const journalEnds = journalsOf[owner].map((topic) => ends.get(topic) as Offset)
      const position = await findPosition(client, owner, journals, journalEnds)
      if (this.#takings.get(name) !== taking) throw new ConfabError('fenced', { fields: { owner, partition, epoch } })
      const lease = this.#make({ owner, partition, epoch, position, producer }, taking)
      this.#held.set(name, { lease, ends })
      return lease
    } catch (error) {
      await producer.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ lease }) => lease.release()))
  }

  #make(facts: Pick<LeaseOptions, 'owner' | 'partition' | 'epoch' | 'position' | 'producer'>, taking: number): KafkaLease {
    const { prepare, batchBytesMax, inFlightBytesMax, onCommitted, onUnknown, options } = this.#options
    const name = `${facts.owner}/${facts.partition}`
    return new KafkaLease({
      ...facts,
      prepare,
      batchBytesMax,
      inFlightBytesMax,
      deadlineMs: options.commitDeadlineMs ?? COMMIT_DEADLINE_MS,
      isSuperseded: async () => this.#takings.get(name) !== taking || (await this.#newestEpochSoon(name)) > facts.epoch,
      onCommitted,
      onUnknown: (cause) => onUnknown(cause, { owner: facts.owner, partition: facts.partition, epoch: facts.epoch }),
      onEnded: (lease) => {
        if (this.#held.get(name)?.lease === lease) this.#held.delete(name)
      },
    })
  }

  async #newestEpoch(name: string): Promise<number> {
    const record = await this.#options.ownershipOf(name)
    return Number(record?.headers[EPOCH_HEADER] ?? 0)
  }

  /** 0 where nobody answers in time: then a fate counts as unknown, which is always safe. */
  async #newestEpochSoon(name: string): Promise<number> {
    const late = sleep(LOOK_MS_MAX, 0, { ref: false })
    return Promise.race([this.#newestEpoch(name).catch(() => 0), late])
  }

  async #fence(producer: TransactionalProducer, owner: Owner, partition: number, epoch: number): Promise<void> {
    const { options, nameOf } = this.#options
    const at = (options.clock ?? Date.now)()
    const facts = { owner, partition, epoch, node: options.node ?? '', at }
    const record: LogRecord = {
      key: `${owner}/${partition}`,
      value: options.encodeOwnership?.(facts) ?? Buffer.from(JSON.stringify(facts)),
      headers: { type: 'lease', [EPOCH_HEADER]: String(epoch) },
      time: at,
    }
    try {
      await producer.commit([{ topic: nameOf('ownership'), partition: 0, records: [record] }])
    } catch (error) {
      const isFenced = error instanceof TransactionFault && error.isFenced
      throw new ConfabError(isFenced ? 'fenced' : 'commit_unknown', { cause: error, fields: { owner, partition, epoch } })
    }
  }

  /** The high watermarks of the owner's topics, once everything below them is decided. */
  async #settle(owner: Owner, partition: number): Promise<Map<Topic, Offset>> {
    const { questions, options } = this.#options
    const startedAt = performance.now()
    let isAlarmed = false
    const ends = new Map<Topic, Offset>()
    await Promise.all(
      outputsOf(owner).map(async (topic) => {
        const place = this.#placeOf(topic, partition)
        const end = await questions.ask(place, 'end')
        ends.set(topic, end)
        while ((await questions.ask(place, 'stable')) < end) {
          const waitedMs = performance.now() - startedAt
          if (waitedMs > STABLE_MS_MAX)
            throw new ConfabError('log_stale', { detail: `A transaction hangs in ${topic}.`, fields: { topic, partition } })
          if (waitedMs > STABLE_ALARM_MS && !isAlarmed) {
            isAlarmed = true
            options.logger?.error({ topic, partition }, 'log_transaction_hangs')
          }
          await sleep(STABLE_LOOK_MS)
        }
      }),
    )
    return ends
  }

  #placeOf(topic: Topic, partition: number): Place {
    return { topic: this.#options.nameOf(topic), partition }
  }
}
