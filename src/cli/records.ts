// Records of the log on a terminal: the reader beside a server, topics by name, one line a record.
// Between `confab tail`, `find` and `doctor` and the log's own reader; secrets are masked before anything is printed.

import { join } from 'node:path'
import { decode, learnSchema, readableValue, schemaRecord } from '#schemas/log'
import { loadConfig, type Config } from '#config'
import { ConfabError } from '#errors'
import { openEmbeddedReader, type EmbeddedReader, type PlacedRecord } from '#log'
import { topicNames, type Topic } from '#topics'

/** Characters of a value on a line for people; `--json` shows all of it. */
const SHOWN_MAX = 240

export const logDirectory = (config: Pick<Config, 'dataDirectory'>): string => join(config.dataDirectory, 'log')

/** Schemas of other versions lie in the log: without them their records could not be read. */
const learnSchemas = (reader: EmbeddedReader): void => {
  for (let [place, isLast] = [reader.earliest(), false]; !isLast;) {
    const page = reader.after(place, { topics: ['schemas'] })
    for (const { record } of page.records) if (record.value !== null) learnSchema(decode(schemaRecord, record.value))
    ;({ place, isLast } = page)
  }
}

/** Opens the log of the configured data directory. Throws `data_missing`, `data_newer`, `data_corrupt`. */
export const openRecords = (): EmbeddedReader => {
  const reader = openEmbeddedReader({ directory: logDirectory(loadConfig()) })
  learnSchemas(reader)
  return reader
}

/** Throws `option_invalid` naming the topics that exist. */
export const topicsOf = (names: readonly string[]): Topic[] =>
  names.map((name) => {
    const topic = topicNames.find((known) => known === name)
    if (topic === undefined) throw new ConfabError('option_invalid', { detail: `--topic ${name} is none of ${topicNames.join(', ')}.` })
    return topic
  })

/** Collects an option that may be given several times. */
export const several = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value]

const shortened = (text: string): string => (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text)

/** What the line says already, or what no person reads. */
const ENVELOPE = new Set([
  'organizationId',
  'subjectId',
  'conversationId',
  'commandId',
  'actor',
  'bodyHash',
  'asksOutcome',
  'seq',
  'n',
  'contactSeq',
  'at',
  'contents',
  'settingsOffset',
  'uniqueKeys',
  'requestId',
  'receivedAt',
  'source',
  'headers',
  'method',
  'url',
])

const isBare = (value: unknown): boolean => value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)

/** The telling part of a value: without envelope, nulls and empty fields. */
const gistOf = (value: unknown, depth = 0): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = Object.entries(value).map(([name, field]) => [name, gistOf(field, depth + 1)] as const)
  return Object.fromEntries(fields.filter(([name, field]) => !isBare(field) && (depth > 0 || !ENVELOPE.has(name))))
}

/** A record as one line: JSON for programs; time, place, type, key and value for people. */
export const lineOf = ({ topic, partition, record }: PlacedRecord, isJson: boolean): string => {
  const { key, headers, offset } = record
  const value = readableValue({ topic, headers, value: record.value })
  const time = new Date(record.time).toISOString()
  const { type = '', ...rest } = headers
  if (isJson) return JSON.stringify({ time, topic, partition, offset, type, key, headers: rest, value })
  const shown = value === null ? '(removed)' : shortened(JSON.stringify(gistOf(value)))
  return [time, `${topic}/${partition}/${offset}`, type === '' ? '-' : type, key, shown].join('  ')
}

/** Writes a line; waits where the other end of the pipe is slow. */
export const print = async (line: string): Promise<void> => {
  if (process.stdout.write(`${line}\n`)) return
  await new Promise((resolve) => process.stdout.once('drain', resolve))
}
