// `npm run bench -- NAME [--quick]`: each benchmark measures its baseline in the same run; the last line printed is one JSON object.
// `npm run bench -- --list` explains them.

import { parseArgs } from 'node:util'
import { avalanche } from './avalanche.ts'
import { broadcast } from './broadcast.ts'
import { decide } from './decide.ts'
import { deploy } from './deploy.ts'
import { idle } from './idle.ts'
import { ingest } from './ingest.ts'
import { jitter } from './jitter.ts'
import { kafkaCommands } from './kafka-commands.ts'
import { kafkaLatency } from './kafka-latency.ts'
import { list } from './list.ts'
import { parse } from './parse.ts'
import { replay } from './replay.ts'
import { restart } from './restart.ts'
import { restore } from './restore.ts'
import { scale } from './scale.ts'
import { scopes } from './scopes.ts'
import { slowClient } from './slow-client.ts'
import type { Benchmark } from './benchmark.ts'

const benchmarks: readonly Benchmark[] = [
  ingest,
  decide,
  parse,
  list,
  restart,
  kafkaCommands,
  kafkaLatency,
  restore,
  scale,
  broadcast,
  idle,
  jitter,
  deploy,
  avalanche,
  slowClient,
  replay,
  scopes,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, quick: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})

const explain = (): void => {
  console.log('npm run bench -- NAME [--quick]\n')
  for (const { name, explains, fields, goal } of benchmarks) console.log(`${name}\n  ${explains}\n  fields: ${fields}\n  goal: ${goal}\n`)
}

const chosen = benchmarks.find(({ name }) => name === positionals[0])
if (values.list === true || values.help === true) explain()
else if (chosen === undefined) {
  explain()
  console.error(`no benchmark named ${positionals[0] ?? '""'}`)
  process.exitCode = 1
} else {
  const result = await chosen.run({ isQuick: values.quick === true, say: (line) => console.log(line) })
  console.log(JSON.stringify(result))
}
