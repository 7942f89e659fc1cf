// Who may do what: the least that each duty needs of a cluster with an authorizer.
// Stands between src/topics.ts, which says who writes a topic, and the commands an operator runs.

import { topicNames, topics, type Topic, type TopicSettings } from '#topics'
import type { Duty, Owner } from '../index.ts'

export interface AclRule {
  readonly resource: 'topic' | 'group' | 'transactional-id'
  readonly name: string
  readonly pattern: 'literal' | 'prefixed'
  readonly operations: readonly ('Read' | 'Write' | 'Describe' | 'DescribeConfigs' | 'Create')[]
}

const everywhere = ['ownership', 'schemas', 'logs'] as const satisfies readonly Topic[]
const mailboxes = ['commands', 'contact-commands', 'dead-letters'] as const satisfies readonly Topic[]

/** What a duty appends without a lease, beside what every node does. */
const appends: Readonly<Record<Duty, readonly Topic[]>> = {
  ingest: ['raw', ...mailboxes],
  actors: mailboxes,
  gateway: ['raw', ...mailboxes],
  sender: ['raw', ...mailboxes],
  webhooks: mailboxes,
}

const owners: Readonly<Record<Duty, readonly Owner[]>> = {
  ingest: [],
  actors: ['conversations', 'contacts'],
  gateway: [],
  sender: ['sender'],
  webhooks: ['webhooks'],
}

const writesOf = (duty: Duty): Topic[] =>
  topicNames.filter((topic) => {
    const { owners: writers }: TopicSettings = topics[topic]
    return writers.length === 0
      ? appends[duty].includes(topic) || (everywhere as readonly Topic[]).includes(topic)
      : owners[duty].some((owner) => writers.includes(owner))
  })

/** The rules of a node with one duty; a node with several needs those of each. Everybody reads all topics of the site. */
export const planAcls = (duty: Duty, options: { readonly prefix: string; readonly createTopics: boolean }): AclRule[] => {
  const { prefix, createTopics } = options
  const transactionalIds: AclRule[] = [
    { resource: 'transactional-id', name: `${prefix}log-id`, pattern: 'literal', operations: ['Write', 'Describe'] },
    ...owners[duty].map((owner): AclRule => ({
      resource: 'transactional-id',
      name: `${prefix}${owner}-`,
      pattern: 'prefixed',
      operations: ['Write', 'Describe'],
    })),
  ]
  return [
    {
      resource: 'topic',
      name: prefix,
      pattern: 'prefixed',
      operations: ['Read', 'Describe', 'DescribeConfigs', ...(createTopics ? (['Create'] as const) : [])],
    },
    ...writesOf(duty).map((topic): AclRule => ({ resource: 'topic', name: prefix + topic, pattern: 'literal', operations: ['Write'] })),
    ...transactionalIds,
    ...(owners[duty].length === 0
      ? []
      : [{ resource: 'group', name: prefix + duty, pattern: 'literal', operations: ['Read', 'Describe'] } as const]),
  ]
}

/** The rule as a command of Kafka's own tool, for one principal such as `User:confab`. */
export const aclCommand = ({ resource, name, pattern, operations }: AclRule, principal: string): string =>
  [
    'kafka-acls.sh --bootstrap-server "$BROKERS" --command-config "$ADMIN" --add',
    `--allow-principal '${principal}'`,
    ...operations.map((operation) => `--operation ${operation}`),
    `--${resource} '${name}'`,
    `--resource-pattern-type ${pattern}`,
  ].join(' ')
