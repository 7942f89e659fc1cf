// A cluster of its own for telemetry: it gets the records while it is there, and its loss is counted and slows nobody.

import { test } from 'node:test'
import { decode, requestLog } from '#schemas/log'
import { openKafkaClient } from '../../src/log/kafka/index.ts'
import { removeDirectory, startServer, until } from '../harness.ts'
import { startOwnKafka } from '../kafka/index.ts'

const REQUESTS = 20

const droppedOf = async (url: string): Promise<number> =>
  Number(/^confab_telemetry_dropped_total (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0)

test('telemetry goes to its own cluster; when that is gone, requests are answered and what it missed is counted', async () => {
  const kafka = await startOwnKafka({ brokers: 1 })
  const server = await startServer({
    environment: {
      CONFAB_TELEMETRY: 'requests',
      CONFAB_LOGS_KAFKA_BROKERS: kafka.bootstrap,
      CONFAB_LOGS_KAFKA_REPLICATION: '1',
      CONFAB_LOG_LEVEL: 'error',
    },
  })
  try {
    for (let n = 0; n < REQUESTS; n++) await server.api('/v1/me')
    const client = await openKafkaClient({ brokers: kafka.bootstrap.split(','), clientId: 'confab-test' })
    const reader = client.openReader({ fetchBytesMax: 1_048_576, waitMs: 100 })
    const place = { topic: 'confab.logs', partition: 0 }
    await until('the topic is there', async () => (await client.describeTopics([place.topic])).length === 1)
    reader.assign(place, 0)
    const routes: string[] = []
    await until('the records have arrived', async () => {
      const part = await reader.next()
      for (const { value } of part?.records ?? []) if (value !== null) routes.push(decode(requestLog, value).route)
      return routes.filter((route) => route === '/v1/me').length === REQUESTS
    })
    await reader.close()
    await client.close()
    await kafka.kill(0)
    for (let n = 0; n < REQUESTS; n++) await server.api('/v1/me')
    await until('what was missed is counted', async () => (await droppedOf(server.url)) >= REQUESTS, 60_000)
    await server.api('/v1/me')
  } finally {
    await server.kill()
    await kafka.stop()
    await removeDirectory(server.dataDirectory)
  }
})
