// The Kafka log keeps the contract of the port, with kafkajs, on a real broker (Java from CONFAB_TEST_JAVA, jars by CONFAB_TEST_MAVEN).

import { after } from 'node:test'
import { startKafka } from '../kafka/index.ts'
import { describeLog } from './log.ts'

const isOwn = (process.env['CONFAB_TEST_KAFKA'] ?? '') === ''
const kafka = await startKafka({ cleaner: false })
process.env['CONFAB_TEST_KAFKA'] = kafka.bootstrap
if (isOwn) process.env['CONFAB_TEST_KAFKA_OWN'] = '1'
after(() => kafka.stop())
const { form } = await import('./log.form.kafka.ts')

describeLog(form)
