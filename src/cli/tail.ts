// `confab tail`: follows topics of the log, of a running server or a stopped one.
// Between a person who watches and the log: reads beside the server and never holds it up.

import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { ConfabError } from '#errors'
import type { EmbeddedReader, ReaderPlace } from '#log'
import { lineOf, openRecords, print, several, topicsOf } from './records.ts'

interface TailOptions {
  readonly topic?: readonly string[]
  readonly key?: string
  readonly from: string
  readonly json?: boolean
  readonly once?: boolean
}

/** Between two looks whether anyone has committed. */
const LOOK_MS = 100

const placeOf = (reader: EmbeddedReader, from: string): ReaderPlace => {
  if (from === 'earliest') return reader.earliest()
  if (from === 'latest') return reader.latest()
  const time = /^\d{4}-\d{2}-\d{2}/.test(from) ? Date.parse(from) : Number.NaN
  if (Number.isNaN(time))
    throw new ConfabError('option_invalid', { detail: '--from expects earliest, latest or a time such as 2026-01-31T09:00:00Z.' })
  return reader.placeAt(time)
}

const tail = async (options: TailOptions): Promise<void> => {
  const topics = topicsOf(options.topic ?? ['events'])
  const reader = openRecords()
  try {
    let place = placeOf(reader, options.from)
    for (;;) {
      // Looked at before the read, so that what is committed meanwhile counts as new.
      reader.hasChanged()
      const page = reader.after(place, { topics })
      for (const each of page.records) if (each.record.key.startsWith(options.key ?? '')) await print(lineOf(each, options.json === true))
      place = page.place
      if (!page.isLast) continue
      if (options.once === true) return
      while (!reader.hasChanged()) await pause(LOOK_MS)
    }
  } finally {
    reader.close()
  }
}

export const addTail = (program: Command): void => {
  program
    .command('tail')
    .description('follow what is written to the log, of a running server or a stopped one')
    .option('--topic <name>', 'a topic to follow; may be given several times (default: events)', several)
    .option('--key <prefix>', 'only records whose key begins so: a conversation, a contact, an organization')
    .option('--from <where>', 'earliest, latest, or a time such as 2026-01-31T09:00:00Z', 'latest')
    .option('--json', 'one JSON object a line, whole')
    .option('--once', 'stop at the end instead of waiting for more')
    .addHelpText(
      'after',
      `
Secrets are masked; what people said is not: this is for whoever runs the server.

Examples:
  confab tail                                        events as they happen
  confab tail --topic commands --topic outcomes      wishes and their answers
  confab tail --key 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a --from earliest
                                                     all of one conversation
  confab tail --from 2026-01-31T09:00:00Z --once --json > morning.jsonl
  confab tail --topic dead-letters --from earliest --once`,
    )
    .action((options: TailOptions) => tail(options))
}
