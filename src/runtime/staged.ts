// One batch of decisions on its way into the log: gathers records by topic, the last of a key where only that counts,
// and answers rows from what the batch has changed already.

import {
  contentRecords,
  deadLetter,
  encode,
  eventRecords,
  keys,
  outcome as outcomeShape,
  positionRecord,
  recordTypeOf,
  type Command,
  type DeadLetter,
  type Event,
  type Outcome,
  type RecordShape,
  type StoredContent,
} from '#schemas/log'
import type { Entry, LogRecord } from '#log'
import { ConfabError } from '#errors'
import { topics, type Topic } from '#topics'
import { withOlder } from './generations.ts'

/** A value that a batch has written or the log holds; null = none or tombstone. */
export type RowValue = object | null

const typeHeaders = new Map<RecordShape<unknown>, Readonly<Record<string, string>>>()
const headersOf = (shape: RecordShape<unknown>): Readonly<Record<string, string>> => {
  const known = typeHeaders.get(shape)
  if (known !== undefined) return known
  const made = Object.freeze({ type: recordTypeOf(shape) })
  typeHeaders.set(shape, made)
  return made
}

/** What gateways route by without decoding: see realtime.md §2. */
export interface Routing {
  readonly account: string
  readonly assignee: string
  readonly team: string
}

/** The log would refuse the whole batch for one record, and the next one, and so on for ever. */
const checkSize = (topic: Topic, { value }: LogRecord): void => {
  const sizeBytesMax = topics[topic].recordBytesMax
  if (value !== null && value.length > sizeBytesMax)
    throw new ConfabError('record_too_large', { fields: { topic, sizeBytes: value.length, sizeBytesMax } })
}

export class StagedBatch {
  readonly partition: number
  /** topic → records in order: events with their contents, outcomes, dead letters. */
  readonly #appended = new Map<Topic, LogRecord[]>()
  /** topic → key → newest record: snapshots, rows, marks, effects, settings. */
  readonly #latest = new Map<Topic, Map<string, LogRecord>>()
  /** topic/key → decoded value, for the decisions that follow in this batch. */
  readonly #values = new Map<string, RowValue>()
  /** How to take back what the command under way has staged. */
  #undo: (() => void)[] = []

  constructor(partition: number) {
    this.partition = partition
  }

  /** undefined where the batch has not touched the key. */
  value(topic: Topic, key: string): RowValue | undefined {
    return this.#values.get(`${topic}/${key}`)
  }

  /** Runs `work`; where it throws, nothing of what it staged remains. */
  whole(work: () => void): void {
    this.#undo = []
    try {
      work()
    } catch (error) {
      for (const takeBack of this.#undo.toReversed()) takeBack()
      throw error
    } finally {
      this.#undo = []
    }
  }

  #append(topic: Topic, record: LogRecord): void {
    checkSize(topic, record)
    const records = this.#appended.get(topic)
    if (records === undefined) this.#appended.set(topic, [record])
    else records.push(record)
    this.#undo.push(() => (records === undefined ? this.#appended.delete(topic) : records.pop()))
  }

  put(topic: Topic, key: string, change: { readonly shape: RecordShape<unknown>; readonly value: RowValue; readonly time: number }): void {
    const { shape, value, time } = change
    // Encoding waits for the end of the batch would save little: most keys are written once a batch.
    const record = { key, value: value === null ? null : encode(shape, value), headers: headersOf(shape), time }
    checkSize(topic, record)
    const place = `${topic}/${key}`
    const records = this.#latest.get(topic) ?? new Map<string, LogRecord>()
    this.#latest.set(topic, records)
    const before = { record: records.get(key), value: this.#values.get(place) }
    records.set(key, record)
    this.#values.set(place, value)
    this.#undo.push(() => {
      if (before.record === undefined) records.delete(key)
      else records.set(key, before.record)
      if (before.value === undefined) this.#values.delete(place)
      else this.#values.set(place, before.value)
      if (records.size === 0) this.#latest.delete(topic)
    })
  }

  /** Contents go directly before the event that introduces them, with nothing between (DESIGN §4.1). */
  event(topic: Topic, event: Event, contents: readonly StoredContent[], routing: Routing | undefined): void {
    const time = event.at
    for (const content of contents) {
      const headers = { type: `content.${content.kind}`, kind: 'content' }
      this.#append(topic, {
        key: keys.content(content.subjectId, content.seq, content.n),
        value: encode(contentRecords[content.kind] as never, content as never),
        headers,
        time,
      })
    }
    const headers: Record<string, string> = {
      type: event.type,
      commandId: event.commandId,
      organization: event.organizationId,
      seq: String(event.seq),
    }
    if (event.contactSeq !== null) headers['contactSeq'] = String(event.contactSeq)
    if (routing !== undefined) Object.assign(headers, routing)
    this.#append(topic, {
      key: keys.event(event.subjectId, event.seq),
      value: encode(eventRecords[event.type] as never, event as never),
      headers,
      time,
    })
  }

  /** Erasure: the content leaves the log. */
  dropContent(topic: Topic, key: string, time: number): void {
    this.#append(topic, { key, value: null, headers: { type: 'content', kind: 'content' }, time })
  }

  outcome(value: Outcome, time: number): void {
    const place = `outcomes/${value.commandId}`
    const before = this.#values.get(place)
    this.#values.set(place, value)
    this.#undo.push(() => (before === undefined ? this.#values.delete(place) : this.#values.set(place, before)))
    this.#append('outcomes', {
      key: value.commandId,
      value: encode(outcomeShape, value),
      headers: { type: 'outcome', commandId: value.commandId },
      time,
    })
  }

  deadLetter(value: DeadLetter): void {
    const key = `${value.key}/${value.topic}/${value.partition}/${value.offset ?? 0}`
    this.#append('dead-letters', { key, value: encode(deadLetter, value), headers: headersOf(deadLetter), time: value.at })
  }

  /** The letter was answered: decided, parked anew, or discarded. */
  dropLetter(key: string, time: number): void {
    this.#append('dead-letters', { key, value: null, headers: headersOf(deadLetter), time })
  }

  /** Every batch leaves a trace from which a new owner reads its position, so one that decided nothing writes this. */
  entries(time: number): Entry[] {
    const entries: Entry[] = []
    for (const [topic, records] of this.#appended) entries.push({ topic, partition: this.partition, records })
    for (const [topic, records] of this.#latest) entries.push({ topic, partition: this.partition, records: [...records.values()] })
    if (!this.#appended.has('outcomes') && !this.#appended.has('events') && !this.#appended.has('contact-events')) {
      const headers = { type: recordTypeOf(positionRecord) }
      entries.push({
        topic: 'outcomes',
        partition: this.partition,
        records: [{ key: 'position', value: encode(positionRecord, { at: time }), headers, time }],
      })
    }
    return withOlder(entries)
  }
}

/** The outcome of a decided command. */
export const outcomeOf = (
  command: Command,
  result: { seq: number; createdId: string | null } | { code: string; fields: Readonly<Record<string, unknown>> },
): Outcome => {
  const isAccepted = 'seq' in result
  return {
    commandId: command.commandId,
    organizationId: command.organizationId,
    bodyHash: command.bodyHash,
    isAccepted,
    subject: { kind: command.actor.kind, id: command.actor.id },
    seq: isAccepted ? result.seq : 0,
    createdId: isAccepted ? result.createdId : null,
    code: isAccepted ? null : result.code,
    fields: isAccepted ? '{}' : JSON.stringify(result.fields),
  }
}
