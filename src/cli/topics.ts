// `confab topics`: what the topics must be, what they are, and the commands that let each duty use them.
// Between an operator of a Kafka cluster and the one table of topics.

import { Argument, type Command } from 'commander'
import { loadConfig, type Config } from '#config'
import { ConfabError } from '#errors'
import { aclCommand, applyTopics, checkTopics, describeDifference, openKafkaClient, planAcls, planTopics } from '#log'
import { connectionOf } from '../node/log.ts'

type Client = Awaited<ReturnType<typeof openKafkaClient>>

const optionsOf = (config: Config) => ({ prefix: config.kafkaPrefix, replication: config.kafkaReplication })

/** Throws `config_invalid` where no broker is named. */
const withClient = async <T>(config: Config, work: (client: Client) => Promise<T>): Promise<T> => {
  if (config.kafkaBrokers.length === 0)
    throw new ConfabError('config_invalid', {
      detail: 'CONFAB_KAFKA_BROKERS names no broker: an embedded log has no topics to look after.',
    })
  const client = await openKafkaClient(connectionOf(config), config.kafkaClient)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

const print = (config: Config, principal: string): void => {
  console.log('# Topics: name, partitions, replicas, settings')
  for (const { name, partitions, replication, settings } of planTopics(optionsOf(config))) {
    const words = Object.entries(settings).map(([setting, value]) => `${setting}=${value}`)
    console.log(`${name}\t${partitions}\t${replication ?? 'default'}\t${words.join(' ')}`)
  }
  for (const duty of config.duties) {
    console.log(`\n# ACLs of the duty ${duty}`)
    for (const rule of planAcls(duty, { prefix: config.kafkaPrefix, createTopics: config.kafkaCreateTopics }))
      console.log(aclCommand(rule, principal))
  }
}

const plan = async (config: Config, principal: string): Promise<void> => {
  print(config, principal)
  if (config.kafkaBrokers.length === 0) return
  const differences = await withClient(config, (client) => checkTopics(client, optionsOf(config)))
  console.log(`\n# ${differences.length === 0 ? 'The cluster has them all as they should be.' : 'To do, by `confab topics apply`:'}`)
  for (const difference of differences) console.log(`# ${describeDifference(difference)}`)
}

const apply = async (config: Config): Promise<void> => {
  const rest = await withClient(config, (client) => applyTopics(client, optionsOf(config)))
  for (const difference of rest) console.log(describeDifference(difference))
  if (rest.length > 0) throw new ConfabError('topics_differ', { detail: 'Partitions and replicas are not changed here.' })
  console.log('The topics are as they should be.')
}

const check = async (config: Config): Promise<void> => {
  const differences = await withClient(config, (client) => checkTopics(client, optionsOf(config)))
  for (const difference of differences) console.log(describeDifference(difference))
  if (differences.length > 0) process.exitCode = 1
  else console.log('The topics are as they should be.')
}

export const addTopics = (program: Command): void => {
  program
    .command('topics')
    .description('plan, create or check the topics of a Kafka cluster')
    .addArgument(new Argument('<work>', 'what to do').choices(['plan', 'apply', 'check']))
    .option('--principal <name>', 'whom the ACLs of the plan are for', 'User:confab')
    .addHelpText(
      'after',
      `
plan   prints every topic with its settings, the ACLs of the duties in CONFAB_DUTIES, and what the cluster lacks
apply  creates topics that are missing and corrects settings; partitions and replicas are only named
check  prints what differs; exit code 1 when something does

Examples:
  confab topics plan --principal User:confab-sender
  CONFAB_KAFKA_BROKERS=kafka-1:9092 confab topics apply`,
    )
    .action(async (work: string, { principal }: { principal: string }) => {
      const config = loadConfig()
      if (work === 'plan') await plan(config, principal)
      else if (work === 'apply') await apply(config)
      else await check(config)
    })
}
