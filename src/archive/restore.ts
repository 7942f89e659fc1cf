// One partition of an archive into the target: rows and ledgers that it lacks, then events with what belongs to their subjects.
// Between the segments of a partition and the leases of the target's owners.

import { decode, settingRecords } from '#schemas/log'
import type { Log, Owner, StoredRecord } from '#log'
import type { Topic } from '#topics'
import { subjectOf } from './contents.ts'
import type { Erasures } from './erasures.ts'
import { Folding } from './folding.ts'
import { arrived, type Reseal } from './portable.ts'
import { readSegment, type Segment } from './segments.ts'
import { openTarget, portions, recordOf, type Target } from './writing.ts'

export interface RestoreOptions {
  readonly log: Log
  readonly directory: string
  readonly segments: readonly Segment[]
  readonly reseal: Reseal
  readonly erasures: Erasures
  /** Whether the target has had the records without an event of their own (parked marks of unborn actors, settings): never twice. */
  readonly isRepeat: boolean
}

/** The two families: which events, which rows beside the snapshots, and who writes them. */
const families = [
  { owner: 'conversations', events: 'events', snapshots: 'conversations', rows: ['outcomes', 'messages', 'marks'] },
  { owner: 'contacts', events: 'contact-events', snapshots: 'contacts', rows: [] },
] as const

type Extra = { readonly topic: Topic; readonly record: StoredRecord }

export class PartitionRestore {
  readonly #options: RestoreOptions
  readonly #partition: number
  written = 0

  constructor(options: RestoreOptions, partition: number) {
    this.#options = options
    this.#partition = partition
  }

  /** Records of a topic as they come in. */
  async *#records(topic: Topic): AsyncGenerator<StoredRecord, void, undefined> {
    const { directory, segments, reseal, erasures } = this.#options
    for (const segment of segments) {
      if (segment.topic !== topic || segment.partition !== this.#partition) continue
      for (const record of readSegment(directory, segment)) {
        const applied = erasures.applied(topic, arrived(topic, record, reseal))
        if (applied !== null) yield applied
      }
    }
  }

  async run(): Promise<void> {
    // Ledgers of what left first: with an effect but without its ledger, a message could be sent twice.
    await this.#ledger('sender', 'sends')
    await this.#ledger('webhooks', 'deliveries')
    for (const family of families) await this.#family(family)
  }

  #has(...topics: readonly Topic[]): boolean {
    return this.#options.segments.some(({ topic, partition }) => partition === this.#partition && topics.includes(topic))
  }

  async #with(owner: Owner, work: (target: Target) => Promise<void>): Promise<void> {
    const target = await openTarget(this.#options.log, owner, this.#partition)
    try {
      await work(target)
    } finally {
      this.written += target.written
      await target.release()
    }
  }

  async #ledger(owner: Owner, topic: Topic): Promise<void> {
    if (this.#has(topic)) await this.#with(owner, (target) => target.putMissing(topic, this.#records(topic)))
  }

  async #family(family: (typeof families)[number]): Promise<void> {
    const { owner, events, snapshots, rows } = family
    if (!this.#has(events, snapshots, 'outbox', ...rows)) return
    await this.#with(owner, async (target) => {
      for (const topic of rows) await target.putMissing(topic, this.#records(topic))
      await target.putMissing(
        snapshots,
        only(this.#records(snapshots), ({ key }) => key.endsWith('/profile')),
      )
      await this.#events(target, family)
    })
  }

  async #events(target: Target, { owner, events, snapshots }: (typeof families)[number]): Promise<void> {
    const lastSeqs = await this.#lastSeqs(events)
    const extras = await this.#extras(owner, snapshots)
    const onLast = (subjectId: string): Promise<void> => this.#putExtras(target, extras.get(subjectId) ?? [])
    const folding = new Folding({ target, events, erasures: this.#options.erasures, onLast, lastSeqs })
    for await (const record of this.#records(events)) await folding.add(record)
    await folding.flush()
    if (this.#options.isRepeat) return
    for (const [subjectId, each] of extras)
      if (!lastSeqs.has(subjectId) && !(await this.#isOthers(owner, subjectId))) await this.#putExtras(target, each)
  }

  async #lastSeqs(events: Topic): Promise<Map<string, number>> {
    const lastSeqs = new Map<string, number>()
    for await (const { key } of this.#records(events)) {
      const [subjectId = '', seq = '', n] = key.split('/')
      if (n === undefined) lastSeqs.set(subjectId, Number(seq))
    }
    return lastSeqs
  }

  /** `outbox` holds the effects of both families: without events here, the other family's tell whose they are. */
  async #isOthers(owner: Owner, subjectId: string): Promise<boolean> {
    const other = families.find((family) => family.owner !== owner)
    return other !== undefined && (await this.#lastSeqs(other.events)).has(subjectId)
  }

  /** Effects, settings and parked marks by their subject: all of these are ended by tombstones, so none may come back later. */
  async #extras(owner: Owner, snapshots: Topic): Promise<Map<string, Extra[]>> {
    const extras = new Map<string, Extra[]>()
    const note = (subjectId: string, extra: Extra): void => void extras.set(subjectId, [...(extras.get(subjectId) ?? []), extra])
    for await (const record of this.#records('outbox')) note(subjectOf(record.key), { topic: 'outbox', record })
    for await (const record of this.#records(snapshots))
      if (record.key.endsWith('/parked')) note(subjectOf(record.key), { topic: snapshots, record })
    if (owner === 'conversations') for (const [subjectId, record] of await this.#settings()) note(subjectId, { topic: 'config', record })
    return extras
  }

  /** Settings by organization; a name's row belongs to whom the setting that holds it does. */
  async #settings(): Promise<[string, StoredRecord][]> {
    const organizations = new Map<string, string>()
    const found: StoredRecord[] = []
    for await (const record of this.#records('config')) {
      found.push(record)
      const shape = settingRecords[record.headers['type'] as keyof typeof settingRecords] as (typeof settingRecords)['label'] | undefined
      if (shape === undefined || record.value === null) continue
      const { organizationId, uniqueKeys } = decode(shape, record.value)
      for (const key of [record.key, ...uniqueKeys.map((unique) => `unique/${unique}`)]) organizations.set(key, organizationId)
    }
    return found.map((record) => [organizations.get(record.key) ?? '', record])
  }

  async #putExtras(target: Target, extras: readonly Extra[]): Promise<void> {
    const topics = new Set(extras.map(({ topic }) => topic))
    for (const topic of topics)
      await target.put(
        topic,
        extras.filter((extra) => extra.topic === topic).map(({ record }) => record),
      )
  }

  /** What plain appends brought into the site: once an archive, before its mark. */
  async plain(): Promise<void> {
    const { log } = this.#options
    for (const topic of ['dead-letters', 'ownership', 'commands', 'contact-commands'] as const) {
      for await (const portion of portions(this.#records(topic))) {
        await log.append([{ topic, partition: this.#partition, records: portion.map(recordOf) }])
        this.written += portion.length
      }
    }
  }
}

async function* only(
  records: AsyncIterable<StoredRecord>,
  wants: (record: StoredRecord) => boolean,
): AsyncGenerator<StoredRecord, void, undefined> {
  for await (const record of records) if (wants(record)) yield record
}
