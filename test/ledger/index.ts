// `npm run ledger`: puts a cluster under fire and prints whether the ledger is exact; its last line is one JSON object.
// Usage: npm run ledger -- --cluster [--seconds 300] [--seed N] [--client kafkajs|confluent] [--nodes 3]

import { parseArgs } from 'node:util'
import type { FaultName } from './faults.ts'
import { runLedger } from './run.ts'

const HELP = `Usage: npm run ledger -- --cluster [options]

  --cluster          three brokers, three nodes, killed, stopped and restarted at random
  --seconds N        how long the faults last (300)
  --seed N           repeats a plan of faults (drawn and printed otherwise)
  --client NAME      kafkajs or confluent (kafkajs)
  --nodes N          nodes (3)
  --faults A,B       of kill-node, kill-broker, stop-node, restart-node (all)
  --rate N           webhooks a second (40)
`

const { values } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    client: { type: 'string', default: 'kafkajs' },
    nodes: { type: 'string', default: '3' },
    faults: { type: 'string', default: 'kill-node,kill-broker,stop-node,restart-node' },
    rate: { type: 'string', default: '40' },
  },
})

if (values.help || !values.cluster) {
  console.log(HELP)
  process.exit(values.help ? 0 : 2)
}

const result = await runLedger({
  nodes: Number(values.nodes),
  brokers: 3,
  client: values.client === 'confluent' ? 'confluent' : 'kafkajs',
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  faults: values.faults.split(',') as FaultName[],
  webhooksPerSecond: Number(values.rate),
  sockets: 4,
  say: (line) => console.log(line),
})
for (const fault of result.broken.slice(0, 20)) console.log(`BROKEN ${fault.slice(0, 300)}`)
console.log(
  JSON.stringify({
    isExact: result.broken.length === 0,
    seed: Number(values.seed),
    client: values.client,
    ...result,
    broken: result.broken.length,
  }),
)
process.exitCode = result.broken.length === 0 ? 0 : 1
