// `npm run ledger`: puts a cluster, or sockets, under fire and prints whether the ledger is exact; its last line is one JSON object.
// Usage: npm run ledger -- --cluster|--realtime [--seconds N] [--seed N] and what each has of its own.

import { parseArgs } from 'node:util'
import type { FaultName } from './faults.ts'
import { realtimeLedger } from './realtime/index.ts'
import { runLedger } from './run.ts'

const HELP = `Usage: npm run ledger -- --cluster|--realtime [options]

  --cluster          three brokers, three nodes, killed, stopped and restarted at random
  --realtime         sockets of one node, cut, blackholed, throttled, their permissions changed, the node killed and restarted;
                     beside it the same to bare ws and to Socket.IO with connection state recovery
  --drivers A,B      of confab, ws, socket.io (all; realtime only)
  --seconds N        how long the faults last (300; realtime 60 for each driver)
  --seed N           repeats a plan of faults (drawn and printed otherwise)
  --client NAME      kafkajs or confluent (kafkajs)
  --nodes N          nodes (3)
  --faults A,B       of kill-node, kill-broker, stop-node, restart-node (all)
  --rate N           webhooks or writes a second (40)

The other options are the cluster's.
`

const { values } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    realtime: { type: 'boolean', default: false },
    drivers: { type: 'string', default: 'confab,ws,socket.io' },
    help: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    client: { type: 'string', default: 'kafkajs' },
    nodes: { type: 'string', default: '3' },
    faults: { type: 'string', default: 'kill-node,kill-broker,stop-node,restart-node' },
    rate: { type: 'string', default: '40' },
  },
})

if (values.help || values.cluster === values.realtime) {
  console.log(HELP)
  process.exit(values.help ? 0 : 2)
}

if (values.realtime) {
  const isExact = await realtimeLedger({
    names: values.drivers.split(','),
    seconds: Number(values.seconds ?? '60'),
    seed: Number(values.seed),
    writesPerSecond: Number(values.rate),
  })
  process.exit(isExact ? 0 : 1)
}

const result = await runLedger({
  nodes: Number(values.nodes),
  brokers: 3,
  client: values.client === 'confluent' ? 'confluent' : 'kafkajs',
  seconds: Number(values.seconds ?? '300'),
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
