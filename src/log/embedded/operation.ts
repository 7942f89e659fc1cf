// Checks what callers hand in against the table of topics and turns it into operations.
// Stands before the packet: what is refused here was never sent, what passes is trusted from then on.

import { ConfabError } from '#errors'
import { topics, type Topic, type TopicSettings } from '#topics'
import type { Entry, LogRecord, Owner } from '../index.ts'
import { OPERATION_HEAD_BYTES, RECORD_HEAD_BYTES, SECTION_HEAD_BYTES, type Operation, type Section } from './packet.ts'
import { recordBytesMax } from './record.ts'

export type OperationHead = Omit<Operation, 'sections' | 'bytesMax'>

export const refuse = (topic: Topic, why: string): ConfabError =>
  new ConfabError('record_invalid', { detail: `${topic}: ${why}`, fields: { topic } })

const settingsOf = (topic: Topic): TopicSettings => topics[topic]

/** Checks every record and adds up what encoding takes at most. Throws `record_too_large`, `record_invalid`. */
export const prepareOperation = (
  head: OperationHead,
  entries: readonly Entry[],
  streamOf: (topic: Topic, partition: number) => number,
): Operation => {
  let bytesMax = OPERATION_HEAD_BYTES
  const sections: Section[] = []
  const added = addedHeaders(head)
  for (const { topic, partition, records } of entries) {
    checkWriter(topic, head)
    bytesMax += SECTION_HEAD_BYTES
    const stored: Section['records'] = []
    for (const { key, value, headers, time } of records) {
      const record = { key, value, headers: added === undefined ? headers : { ...headers, ...added }, time, offset: -1 }
      bytesMax += RECORD_HEAD_BYTES + checkRecord(topic, record)
      stored.push(record)
    }
    sections.push({ stream: streamOf(topic, partition), records: stored })
  }
  return { ...head, sections, bytesMax }
}

/** What every record of a commit says about who wrote it and where its input ended (streams S6). */
const addedHeaders = ({ kind, owner, epoch, position }: OperationHead): Readonly<Record<string, string>> | undefined => {
  if (kind !== 'commit' || owner === undefined) return undefined
  return position === undefined ? { owner, epoch: String(epoch) } : { owner, epoch: String(epoch), in: String(position) }
}

const checkWriter = (topic: Topic, { kind, owner }: { kind: string; owner: Owner | undefined }): void => {
  const { owners } = settingsOf(topic)
  if (owners.length === 0 || (kind === 'commit' && owner !== undefined && owners.includes(owner))) return
  throw refuse(topic, `written under a lease of ${owners.join(' or ')}`)
}

const checkRecord = (topic: Topic, record: LogRecord): number => {
  const { cleanup, recordBytesMax: valueBytesMax } = settingsOf(topic)
  if (record.value === null && cleanup === 'delete') throw refuse(topic, 'a tombstone has nothing to remove here')
  if (record.value !== null && record.value.length > valueBytesMax) {
    throw new ConfabError('record_too_large', { fields: { topic, sizeBytes: record.value.length, sizeBytesMax: valueBytesMax } })
  }
  const bytes = recordBytesMax(record)
  if (bytes === undefined) throw refuse(topic, 'its key or headers are too long')
  return bytes
}
