// `confab find`: looks through the log for a key, an id or words, newest first.
// Beside a running server or without one; between a question and the bytes in the log.

import type { Command } from 'commander'
import { ConfabError } from '#errors'
import type { PlacedRecord } from '#log'
import { topicNames } from '#topics'
import { lineOf, openRecords, print, several, topicsOf } from './records.ts'

interface FindOptions {
  readonly topic?: readonly string[]
  readonly limit: string
  readonly json?: boolean
}

const LIMIT_MAX = 100_000

const latin = (text: string): string => Buffer.from(text).toString('latin1').toLowerCase()

/** Whether a row's bytes can hold the text, as it is or as a form writes it: spares decoding all the others. */
const candidates = (text: string): ((body: Uint8Array) => boolean) => {
  const needles = [
    ...new Set([latin(text), latin(new URLSearchParams({ '': text }).toString().slice(1)), latin(JSON.stringify(text).slice(1, -1))]),
  ]
  return (body) => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1').toLowerCase()
    return needles.some((needle) => bytes.includes(needle))
  }
}

const find = async (text: string, options: FindOptions): Promise<void> => {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new ConfabError('option_invalid', { detail: `--limit expects a whole number from 1 to ${LIMIT_MAX}.` })
  if (text.trim() === '') throw new ConfabError('option_invalid', { detail: 'The text to find is empty.' })
  const topics = topicsOf(options.topic ?? topicNames)
  const reader = openRecords()
  const wanted = JSON.stringify(text).slice(1, -1).toLowerCase()
  // The bytes may fit by chance, or in what is masked: what is shown decides.
  const holds = (each: PlacedRecord): boolean => lineOf(each, true).toLowerCase().includes(wanted)
  try {
    let found = 0
    for (let [place, isLast] = [reader.latest(), false]; !isLast;) {
      const page = reader.before(place, { topics, accepts: candidates(text) })
      for (const each of page.records) {
        if (!holds(each)) continue
        await print(lineOf(each, options.json === true))
        if (++found === limit) return
      }
      ;({ place, isLast } = page)
    }
    if (found === 0) {
      console.error('confab: nothing found')
      process.exitCode = 1
    }
  } finally {
    reader.close()
  }
}

export const addFind = (program: Command): void => {
  program
    .command('find')
    .description('find records by key, id or words, newest first')
    .argument('<text>', 'part of a key, an id, or of what was said; letters a to z in either case')
    .option('--topic <name>', 'where to look; may be given several times (default: everywhere)', several)
    .option('--limit <n>', 'how many at most', '20')
    .option('--json', 'one JSON object a line, whole')
    .addHelpText(
      'after',
      `
Reads the log from its end: what is old takes longer to find. Exit code 1 when nothing is found.

Examples:
  confab find "where is my order"
  confab find SM0123456789abcdef0123456789abcdef    a provider's id: its webhook, command, events
  confab find +15550100 --topic raw --limit 5
  confab find 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a --topic events --json`,
    )
    .action((text: string, options: FindOptions) => find(text, options))
}
