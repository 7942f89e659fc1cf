// The judge: what the log holds, read by Kafka's own console consumer (read_committed), knows nothing of our code but keys and headers.
// Between a run that has ended and the lists of what its writers were promised and its sockets applied.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { findJava, provideKafka } from '../../scripts/kafka.ts'
import { partitionOf } from '#log'

export interface JudgedEvent {
  readonly partition: number
  readonly offset: number
  readonly subject: string
  readonly seq: number
  readonly type: string
  readonly commandId: string
  readonly epoch: number
}

/** Milliseconds without a record after which the console consumer takes the topic for read. */
const QUIET_MS = 8_000

/** Console consumer's line: Partition:3 Offset:12 Headers:a:b,c:d key. */
const LINE = /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t([^\t]*)/

const headersOf = (text: string): Map<string, string> =>
  new Map(text.split(',').map((part) => [part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)] as const))

/** Every event of a topic in the order in which it lies, contents left out. */
export const readEvents = async (bootstrap: string, topic: string): Promise<JudgedEvent[]> => {
  const java = findJava()
  if (java === undefined) throw new Error('The judge needs Java 17 or later.')
  const formatter = ['print.key=true', 'print.headers=true', 'print.partition=true', 'print.offset=true', 'print.value=false']
  const words = [
    '-Xmx256m',
    '-cp',
    `${provideKafka()}/*`,
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', bootstrap, '--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'],
    ...['--timeout-ms', String(QUIET_MS)],
    ...formatter.flatMap((property) => ['--property', property]),
  ]
  const child = spawn(java, words, { stdio: ['ignore', 'pipe', 'ignore'] })
  const events: JudgedEvent[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [, partition, offset, headerText, key] = LINE.exec(line) ?? []
    if (key === undefined) continue
    const headers = headersOf(headerText ?? '')
    const [subject = '', seq, n] = key.split('/')
    if (n !== undefined || headers.get('kind') === 'content') continue
    events.push({
      partition: Number(partition),
      offset: Number(offset),
      subject,
      seq: Number(seq),
      type: headers.get('type') ?? '',
      commandId: headers.get('commandId') ?? '',
      epoch: Number(headers.get('epoch')),
    })
  }
  return events
}

/** What is wrong with the log by itself: seqs that are not dense, a subject in another partition, an epoch that goes back. */
export const faultsOf = (events: readonly JudgedEvent[]): string[] => {
  const faults: string[] = []
  const last = new Map<string, number>()
  const epochs = new Map<number, number>()
  const places = events.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
  for (const { subject, seq, partition, epoch, offset } of places) {
    const before = last.get(subject) ?? 0
    if (seq !== before + 1) faults.push(`${subject}: seq ${seq} after ${before} at ${partition}/${offset}`)
    last.set(subject, seq)
    if (partition !== partitionOf(subject)) faults.push(`${subject} lies in partition ${partition}`)
    if (epoch < (epochs.get(partition) ?? 0)) faults.push(`${partition}/${offset}: epoch ${epoch} after ${epochs.get(partition)}`)
    epochs.set(partition, epoch)
  }
  return faults
}

/** Commands that were answered and are not in the log once: `commandId: n times`. */
export const notOnce = (events: readonly JudgedEvent[], commandIds: readonly string[], type: string): string[] => {
  const times = new Map<string, number>()
  for (const event of events) if (event.type === type) times.set(event.commandId, (times.get(event.commandId) ?? 0) + 1)
  return commandIds.flatMap((id) => (times.get(id) === 1 ? [] : [`${id}: ${times.get(id) ?? 0} times`]))
}
