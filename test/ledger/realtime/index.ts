// The realtime ledger of several servers, one after another, as a table; ours must be exact, the others are shown as they are.
// Between `npm run ledger -- --realtime` and the runs.

import { socketIoDriver, wsDriver } from './bare.ts'
import { confabDriver } from './confab.ts'
import type { FaultName } from './faults.ts'
import { runRealtime, type RealtimeResult } from './run.ts'

const drivers = [confabDriver, wsDriver, socketIoDriver]

const kinds: readonly FaultName[] = [
  ...(['cut', 'cut', 'cut', 'cut-after', 'cut-after', 'drop', 'blackhole', 'blackhole', 'throttle', 'delay'] as const),
  ...(['flip', 'flip', 'kill', 'restart'] as const),
]

const columns = ['clients', 'writes', 'applied', 'missing', 'duplicates', 'disordered', 'unauthorised', 'reconnects', 'neverBack'] as const

const table = (results: readonly RealtimeResult[]): string => {
  const rows = [
    ['driver', ...columns, 'resyncs'],
    ...results.map((result) => [result.driver, ...columns.map((column) => String(result[column])), words(result.resyncs)]),
  ]
  return rows.map((row) => row.map((cell) => cell.padStart(12)).join(' ')).join('\n')
}

const words = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

const isExact = (result: RealtimeResult): boolean => result.broken.length === 0 && result.neverBack === 0

/** Answers whether ours is exact. Prints a table, and as its last line one JSON object. */
export const realtimeLedger = async (options: {
  readonly names: readonly string[]
  readonly seconds: number
  readonly seed: number
  readonly writesPerSecond: number
}): Promise<boolean> => {
  const results: RealtimeResult[] = []
  for (const driver of drivers.filter(({ name }) => options.names.includes(name))) {
    const say = (line: string): void => console.log(`${driver.name}: ${line}`)
    const { seconds, seed, writesPerSecond } = options
    const result = await runRealtime({ driver, seconds, seed, writesPerSecond, faults: kinds, restMs: 800, say })
    for (const fault of result.broken.slice(0, 20)) say(`BROKEN ${fault.slice(0, 300)}`)
    say(`faults: ${words(result.faults)}`)
    results.push(result)
  }
  console.log('Retention: events and contact events have no age at which they end, so no cursor of theirs expires.')
  console.log(table(results))
  const ours = results.filter(({ driver }) => driver === confabDriver.name)
  const allExact = ours.every(isExact)
  const figures = Object.fromEntries(results.map(({ driver, broken, ...result }) => [driver, { ...result, broken: broken.length }]))
  console.log(JSON.stringify({ isExact: allExact, seed: options.seed, ...figures }))
  return allExact
}
