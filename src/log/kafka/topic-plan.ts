// What the table of topics means to Kafka: partitions, replication, settings; what differs from that in a cluster; who may do what.
// Stands between src/topics.ts and a cluster's topics; the CLI shows what it finds, the log applies or checks it at its start.

import { ConfabError } from '#errors'
import {
  COMPACTION_LAG_MAX_MS,
  COMPACTION_LAG_MIN_MS,
  SEGMENT_BYTES,
  SEGMENT_MS,
  TOMBSTONE_RETENTION_MS,
  topicNames,
  topics,
  type Topic,
  type TopicSettings,
} from '#topics'
import type { KafkaClient, TopicFacts, TopicWish } from './client.ts'

/** Bytes of key, headers and framing beside the largest value. */
const OVERHEAD_BYTES = 65_536
/** In-sync replicas that a write waits for, where there are three. */
const IN_SYNC_MIN = 2

export interface PlanOptions {
  readonly prefix: string
  /** Undefined: the cluster's default. */
  readonly replication?: number | undefined
  /** Undefined: all of them. */
  readonly only?: readonly Topic[] | undefined
}

export interface TopicDifference {
  readonly topic: Topic
  /** Kafka's name of it. */
  readonly name: string
  readonly kind: 'missing' | 'partitions' | 'replication' | 'setting'
  readonly setting?: string
  readonly wanted: string
  /** Undefined where the topic is missing. */
  readonly found?: string
}

const settingsOf = (settings: TopicSettings, replication: number | undefined): Record<string, string> => {
  const isCompacted = settings.cleanup !== 'delete'
  return {
    'cleanup.policy': !isCompacted ? 'delete' : settings.retentionMs === undefined ? 'compact' : 'compact,delete',
    'max.message.bytes': String(settings.recordBytesMax + OVERHEAD_BYTES),
    // The writer's time, whatever it says: records are read back as they were written.
    'message.timestamp.type': 'CreateTime',
    'message.timestamp.after.max.ms': '9223372036854775807',
    'segment.ms': String(SEGMENT_MS),
    'compression.type': 'producer',
    'unclean.leader.election.enable': 'false',
    ...(replication !== undefined && replication >= 3 ? { 'min.insync.replicas': String(IN_SYNC_MIN) } : {}),
    ...(isCompacted
      ? {
          'segment.bytes': String(SEGMENT_BYTES),
          'min.compaction.lag.ms': String(COMPACTION_LAG_MIN_MS),
          'max.compaction.lag.ms': String(COMPACTION_LAG_MAX_MS),
          'delete.retention.ms': String(TOMBSTONE_RETENTION_MS),
        }
      : {}),
    ...(settings.retentionMs === undefined ? {} : { 'retention.ms': String(settings.retentionMs), 'retention.bytes': '-1' }),
  }
}

/** The topics as Kafka should have them. */
export const planTopics = ({ prefix, replication, only = topicNames }: PlanOptions): (TopicWish & { readonly topic: Topic })[] =>
  only.map((topic) => ({
    topic,
    name: prefix + topic,
    partitions: topics[topic].partitions,
    replication,
    settings: settingsOf(topics[topic], replication),
  }))

/** Brokers tell lists in an order of their own. */
const isSame = (wanted: string, found: string | undefined): boolean =>
  found !== undefined && found.split(',').toSorted().join() === wanted.split(',').toSorted().join()

const differencesOf = (wish: TopicWish & { readonly topic: Topic }, facts: TopicFacts | undefined): TopicDifference[] => {
  const { topic, name } = wish
  if (facts === undefined) return [{ topic, name, kind: 'missing', wanted: `${wish.partitions} partitions` }]
  const differences: TopicDifference[] = []
  if (facts.partitions !== wish.partitions)
    differences.push({ topic, name, kind: 'partitions', wanted: String(wish.partitions), found: String(facts.partitions) })
  if (wish.replication !== undefined && facts.replication !== wish.replication)
    differences.push({ topic, name, kind: 'replication', wanted: String(wish.replication), found: String(facts.replication) })
  for (const [setting, wanted] of Object.entries(wish.settings)) {
    const found = facts.settings[setting]
    if (!isSame(wanted, found)) differences.push({ topic, name, kind: 'setting', setting, wanted, found: found ?? 'unset' })
  }
  return differences
}

/** What a cluster's topics lack, none where all is as planned. Rejects with `kafka_refused`. */
export const checkTopics = async (client: KafkaClient, options: PlanOptions): Promise<TopicDifference[]> => {
  const plan = planTopics(options)
  const facts = new Map((await client.describeTopics(plan.map(({ name }) => name))).map((each) => [each.name, each]))
  return plan.flatMap((wish) => differencesOf(wish, facts.get(wish.name)))
}

/** A difference in words. */
export const describeDifference = ({ name, kind, setting, wanted, found }: TopicDifference): string =>
  kind === 'missing' ? `${name} is missing` : `${name}: ${setting ?? kind} is ${found ?? 'unset'}, should be ${wanted}`

/**
 * Creates what is missing and changes settings that differ; returns what it cannot change: partitions are for life, replicas are
 * moved by Kafka's own tools. Rejects with `kafka_refused`.
 */
export const applyTopics = async (client: KafkaClient, options: PlanOptions): Promise<TopicDifference[]> => {
  const plan = new Map(planTopics(options).map((wish) => [wish.topic, wish]))
  const facts = new Map((await client.describeTopics([...plan.values()].map(({ name }) => name))).map((each) => [each.name, each]))
  const differences = [...plan.values()].flatMap((wish) => differencesOf(wish, facts.get(wish.name)))
  const wishOf = ({ topic }: TopicDifference): TopicWish => plan.get(topic) as TopicWish
  const missing = differences.filter(({ kind }) => kind === 'missing').map(wishOf)
  if (missing.length > 0) await client.createTopics(missing)
  const altered = new Map<string, Record<string, string>>()
  for (const { name, kind, setting, wanted } of differences)
    if (kind === 'setting' && setting !== undefined)
      altered.set(name, { ...(altered.get(name) ?? facts.get(name)?.overrides), [setting]: wanted })
  if (altered.size > 0) await client.alterTopics([...altered].map(([name, settings]) => ({ name, settings })))
  return differences.filter(({ kind }) => kind === 'partitions' || kind === 'replication')
}

/** At a node's start: creates what is missing where it may, and refuses to start over anything else. Rejects with `topics_differ`. */
export const settleTopics = async (client: KafkaClient, options: PlanOptions & { readonly create: boolean }): Promise<void> => {
  const differences = await checkTopics(client, options)
  const missing = differences.filter(({ kind }) => kind === 'missing')
  const plan = planTopics(options)
  if (options.create && missing.length > 0)
    await client.createTopics(plan.filter(({ topic }) => missing.some((difference) => difference.topic === topic)))
  const rest = options.create ? differences.filter(({ kind }) => kind !== 'missing') : differences
  if (rest.length > 0)
    throw new ConfabError('topics_differ', { detail: `${rest.map(describeDifference).join('; ')}.`, fields: { differences: rest } })
}
