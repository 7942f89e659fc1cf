// A process that writes to a log until it is killed; prints each number only after its write has resolved.
// Stands between the contract suite, which kills it, and a form of the log.

import { writeSync } from 'node:fs'
import type { LogForm } from './log-form.ts'
import { batchOf, recordOf } from './log-records.ts'

const [module = '', place = '', work = '', partitionText = '0', holesText = ''] = process.argv.slice(2)
const { form } = (await import(module)) as { form: LogForm }
const log = await form.open(place, holesText === '' ? {} : { holesSeed: Number(holesText) })
const partition = Number(partitionText)
const acknowledge = (number: number): void => {
  writeSync(1, `${number}\n`)
}
/** Writes under way at once, so that a kill finds some at every stage. */
const IN_FLIGHT = 8

const append = async (): Promise<never> => {
  let next = (await log.bounds('raw', partition)).end
  for (;;) {
    const numbers = Array.from({ length: IN_FLIGHT }, () => next++)
    await Promise.all(
      numbers.map(async (number) => {
        await log.append([{ topic: 'raw', partition, records: [recordOf(`raw-${number}`, String(number))] }])
        acknowledge(number)
      }),
    )
  }
}

const commit = async (): Promise<never> => {
  const lease = await log.lease('conversations', partition)
  let next = lease.position ?? 0
  for (;;) {
    const numbers = Array.from({ length: IN_FLIGHT }, () => next++)
    await Promise.all(
      numbers.map(async (number) => {
        await lease.commit({ entries: batchOf(partition, number) }, number + 1)
        acknowledge(number)
      }),
    )
  }
}

if (work === 'hold') acknowledge(0)
else await (work === 'append' ? append() : commit())
