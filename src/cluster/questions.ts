// What one node asks another of its views, and what it is answered. Grants travel along, and the holder's views apply them as they do at home.
// Between ClusterViews, which asks, and the holder; the same function answers both.

import { ConfabError } from '#errors'
import { partitionOf } from '#log'
import { PARTITIONS } from '#topics'
import { isViewTopic, type AsOf, type FoldedViews, type PartName, type ViewPosition } from '#views'

const points = ['conversation', 'messages', 'message', 'conversationAt', 'messagesAt', 'contactAt', 'events', 'contentsOf'] as const
const parts: readonly PartName[] = ['conversations', 'counts', 'hits', 'hashes']
const others = ['rows', 'waitFor'] as const

/** Of one subject: one holder of its partition answers, as it would its own clients. */
export type PointName = (typeof points)[number]
export type QuestionName = PointName | PartName | (typeof others)[number]

export interface Question {
  readonly name: QuestionName
  readonly values: readonly unknown[]
}

export interface NodeCall extends Question {
  readonly partitions: readonly number[]
}

/** A partition that the node does not answer for, and who it believes does. */
export interface Moved {
  readonly partition: number
  readonly url: string | null
}

/** What is said of some partitions. */
export interface Said {
  readonly partitions: readonly number[]
  readonly answer: unknown
  readonly asOf: AsOf
}

export interface NodeAnswer extends Said {
  readonly moved: readonly Moved[]
}

const names: ReadonlySet<string> = new Set([...points, ...parts, ...others])
const isPart = (name: QuestionName): name is PartName => (parts as readonly string[]).includes(name)

/** Throws `request_invalid`. The values are another node's, which was signed for: the views look at them as at their own. */
export const parseCall = (body: Uint8Array): NodeCall => {
  const call = JSON.parse(Buffer.from(body).toString()) as Partial<NodeCall>
  const { name = '', values, partitions } = call
  const isPartition = (partition: unknown): boolean =>
    Number.isInteger(partition) && Number(partition) >= 0 && Number(partition) < PARTITIONS
  if (!names.has(name) || !Array.isArray(values) || !Array.isArray(partitions) || !partitions.every(isPartition))
    throw new ConfabError('request_invalid')
  return call as NodeCall
}

/** Of a vector, the places of these partitions and of all contacts: what a node does not fold stands at no place of its own. */
export const within = (asOf: AsOf, partitions: readonly number[]): AsOf =>
  asOf.filter(({ topic, partition }) => topic === 'contact-events' || partitions.includes(partition))

/** Ids whose rows are asked for, as far as they are in these partitions. */
export const idsWithin = (ids: readonly string[], partitions: readonly number[]): string[] =>
  ids.filter((id) => partitions.includes(partitionOf(id)))

const placesWithin = (places: AsOf, partitions: readonly number[]): ViewPosition[] =>
  places.filter(({ topic, partition }) => isViewTopic(topic) && partitions.includes(partition))

const asOfOf = (answer: unknown): AsOf => (answer as { readonly asOf?: AsOf } | null)?.asOf ?? []

/** Answers of the partitions that are asked about; all of them must be held here. */
export const answerQuestion = async (views: FoldedViews, { name, values }: Question, partitions: readonly number[]): Promise<Said> => {
  if (isPart(name)) return { partitions, ...(await views.part(partitions, name, ...(values as never[] as [never, never, never, never]))) }
  if (name === 'rows') return { partitions, answer: await views.rows(idsWithin(values[0] as string[], partitions)), asOf: [] }
  if (name === 'waitFor') {
    const [places, timeoutMs] = values as [AsOf, number]
    return { partitions, answer: await views.waitFor(placesWithin(places, partitions), timeoutMs), asOf: [] }
  }
  const ask = views[name].bind(views) as (...given: readonly unknown[]) => Promise<unknown>
  const answer = await ask(...values)
  return { partitions, answer, asOf: within(asOfOf(answer), partitions) }
}
