// The Kafka log keeps the contract of the port with @confluentinc/kafka-javascript too, on a real broker.

import { after } from 'node:test'
import { startKafka } from '../kafka/index.ts'
import { describeLog } from './log.ts'

const isOwn = (process.env['CONFAB_TEST_KAFKA'] ?? '') === ''
const kafka = await startKafka({ cleaner: false })
process.env['CONFAB_TEST_KAFKA'] = kafka.bootstrap
process.env['CONFAB_TEST_KAFKA_CLIENT'] = 'confluent'
if (isOwn) process.env['CONFAB_TEST_KAFKA_OWN'] = '1'
after(() => kafka.stop())
const { form } = await import('./log.form.kafka.ts')

describeLog(form)
