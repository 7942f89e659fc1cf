// The views of a site whose nodes hold a part each: every question is answered on every node, as one file of all would have answered it.
// Between whoever asks (HTTP, sockets, effects) and the holders. What cannot be had is said or refused, never left out in silence.

import type { Conversation } from '#schemas'
import { partitionOf, type Offset } from '#log'
import { PARTITIONS, type Topic } from '#topics'
import {
  combineHashes,
  isViewTopic,
  mergeConversations,
  mergeCounts,
  type AsOf,
  type FoldedViews,
  type Label,
  type Page,
  type Viewer,
  type Views,
} from '#views'
import type { Asking, Heard } from './asking.ts'
import { labelOf, unreachable, vectorOf } from './labels.ts'
import { idsWithin, within, type Question } from './questions.ts'
import type { Routing } from './routing.ts'
import { searchNodes } from './searching.ts'

const ALL: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition)
/** What a fold of the past may take, and a look at every row. */
const PAST_MS_MAX = 10_000
const HASH_MS_MAX = 120_000
/** What a call takes beyond the wait that was asked for. */
const WAIT_SLACK_MS = 500

export interface ClusterViewsOptions {
  readonly views: FoldedViews
  readonly asking: Asking
  readonly routing: Pick<Routing, 'ownerOf' | 'nodeOf'>
}

export class ClusterViews implements Views {
  readonly #views: FoldedViews
  readonly #asking: Asking
  readonly #routing: ClusterViewsOptions['routing']
  #wasReady = false

  constructor({ views, asking, routing }: ClusterViewsOptions) {
    this.#views = views
    this.#asking = asking
    this.#routing = routing
  }

  get #isAllHere(): boolean {
    return this.#views.held().size === PARTITIONS
  }

  /** One holder of the subject's partition. Throws `partition_unreachable`. */
  async #point<T>(question: Question, id: string, timeoutMs?: number): Promise<T & Label> {
    const heard = await this.#asking.ask(question, [partitionOf(id)], timeoutMs)
    const [said] = heard.said
    if (said === undefined) throw unreachable(1)
    const answer = said.answer as T
    if (typeof answer !== 'object' || answer === null || !('asOf' in answer)) return answer as T & Label
    return { ...answer, asOf: said.asOf, ...(heard.isStale ? { isStale: true } : {}) }
  }

  async conversations(...[viewer, query]: Parameters<Views['conversations']>): Promise<Page<Conversation>> {
    if (this.#isAllHere) return this.#views.conversations(viewer, query)
    const own = viewer.grants.kind === 'contact' ? viewer.grants.conversationId : undefined
    const partitions = own === undefined ? ALL : [partitionOf(own)]
    const heard = await this.#asking.ask({ name: 'conversations', values: [viewer, query] }, partitions)
    const label = labelOf(heard, viewer)
    const parts = heard.said.map(({ answer }) => answer as Parameters<typeof mergeConversations>[0][number])
    return { ...mergeConversations(parts, query), asOf: vectorOf(heard), ...label }
  }

  async conversationBytes(...[viewer, query]: Parameters<Views['conversationBytes']>): ReturnType<Views['conversationBytes']> {
    if (this.#isAllHere) return this.#views.conversationBytes(viewer, query)
    const { items, ...page } = await this.conversations(viewer, query)
    return { ...page, items: Buffer.from(JSON.stringify(items)) }
  }

  conversation(...values: Parameters<Views['conversation']>): ReturnType<Views['conversation']> {
    return this.#isAllHere ? this.#views.conversation(...values) : this.#point({ name: 'conversation', values }, values[1])
  }

  messages(...values: Parameters<Views['messages']>): ReturnType<Views['messages']> {
    return this.#isAllHere ? this.#views.messages(...values) : this.#point({ name: 'messages', values }, values[1])
  }

  message(...values: Parameters<Views['message']>): ReturnType<Views['message']> {
    return this.#isAllHere ? this.#views.message(...values) : this.#point({ name: 'message', values }, values[1])
  }

  conversationAt(...values: Parameters<Views['conversationAt']>): ReturnType<Views['conversationAt']> {
    return this.#isAllHere ? this.#views.conversationAt(...values) : this.#point({ name: 'conversationAt', values }, values[1], PAST_MS_MAX)
  }

  messagesAt(...values: Parameters<Views['messagesAt']>): ReturnType<Views['messagesAt']> {
    return this.#isAllHere ? this.#views.messagesAt(...values) : this.#point({ name: 'messagesAt', values }, values[1], PAST_MS_MAX)
  }

  contactAt(...values: Parameters<Views['contactAt']>): ReturnType<Views['contactAt']> {
    return this.#isAllHere ? this.#views.contactAt(...values) : this.#point({ name: 'contactAt', values }, values[1], PAST_MS_MAX)
  }

  events(...values: Parameters<Views['events']>): ReturnType<Views['events']> {
    return this.#isAllHere ? this.#views.events(...values) : this.#point({ name: 'events', values }, values[1])
  }

  contentsOf(...values: Parameters<Views['contentsOf']>): ReturnType<Views['contentsOf']> {
    return this.#isAllHere ? this.#views.contentsOf(...values) : this.#point({ name: 'contentsOf', values }, values[0])
  }

  /** Read from the log itself, which every node has. */
  audit(...values: Parameters<Views['audit']>): ReturnType<Views['audit']> {
    return this.#views.audit(...values)
  }

  async contacts(...values: Parameters<Views['contacts']>): ReturnType<Views['contacts']> {
    const page = await this.#views.contacts(...values)
    return { ...page, asOf: this.#ofHere(page.asOf) }
  }

  async contact(...values: Parameters<Views['contact']>): ReturnType<Views['contact']> {
    const found = await this.#views.contact(...values)
    return { ...found, asOf: this.#ofHere(found.asOf) }
  }

  /** Contacts are whole here; of conversations only those that this node holds say where it stands. */
  #ofHere(asOf: AsOf): AsOf {
    return this.#isAllHere ? asOf : within(asOf, [...this.#views.held()])
  }

  search(...[viewer, query]: Parameters<Views['search']>): ReturnType<Views['search']> {
    if (this.#isAllHere) return this.#views.search(viewer, query)
    return searchNodes({ views: this.#views, asking: this.#asking, rows: (ids) => this.#rows(ids) }, viewer, query)
  }

  async counts(viewer: Viewer): ReturnType<Views['counts']> {
    if (this.#isAllHere) return this.#views.counts(viewer)
    const heard = await this.#asking.ask({ name: 'counts', values: [viewer] }, ALL)
    const label = labelOf(heard, viewer)
    return {
      counts: mergeCounts(heard.said.map(({ answer }) => answer as Parameters<typeof mergeCounts>[0][number])),
      asOf: vectorOf(heard),
      ...label,
    }
  }

  async rows(ids: readonly string[]): ReturnType<Views['rows']> {
    if (this.#isAllHere || ids.length === 0) return this.#views.rows(ids)
    const { heard, rows } = await this.#rows(ids)
    labelOf(heard, {})
    return ids.map((id) => rows.get(id) ?? null)
  }

  async #rows(ids: readonly string[]): Promise<{ readonly heard: Heard; readonly rows: ReadonlyMap<string, Conversation | null> }> {
    const partitions = [...new Set(ids.map((id) => partitionOf(id)))]
    const heard = await this.#asking.ask({ name: 'rows', values: [ids] }, partitions)
    const rows = heard.said.flatMap(({ partitions: of, answer }) =>
      idsWithin(ids, of).map((id, index) => [id, (answer as readonly (Conversation | null)[])[index] ?? null] as const),
    )
    return { heard, rows: new Map(rows) }
  }

  async hash(): Promise<string> {
    const heard = await this.#asking.ask({ name: 'hashes', values: [] }, ALL, HASH_MS_MAX)
    labelOf(heard, {})
    return combineHashes(Object.assign({}, ...heard.said.map(({ answer }) => answer)) as Record<number, string>)
  }

  /** What this node folds itself; of the rest, as far as its owner has said. */
  applied(topic: Topic, partition: number): Offset {
    if (topic === 'contact-events' || this.#views.held().has(partition)) return this.#views.applied(topic, partition)
    const owner = this.#routing.ownerOf(partition)
    return topic === 'events' && owner !== undefined ? (this.#routing.nodeOf(owner.url)?.serves.get(partition) ?? 0) : 0
  }

  async waitFor(positions: AsOf, timeoutMs: number): Promise<boolean> {
    const held = this.#views.held()
    const isHere = ({ topic, partition }: AsOf[number]): boolean => topic === 'contact-events' || held.has(partition)
    const elsewhere = positions.filter((place) => isViewTopic(place.topic) && place.offset > 0 && !isHere(place))
    const here = this.#views.waitFor(positions.filter(isHere), timeoutMs)
    if (elsewhere.length === 0) return here
    const partitions = [...new Set(elsewhere.map(({ partition }) => partition))]
    const there = this.#asking.ask({ name: 'waitFor', values: [elsewhere, timeoutMs] }, partitions, timeoutMs + WAIT_SLACK_MS)
    const [isHereYet, heard] = await Promise.all([here, there])
    return isHereYet && heard.missing.length === 0 && heard.said.every(({ answer }) => answer === true)
  }

  /** Once it has caught up it stays so: a partition that comes later is answered by who held it before until it is read here. */
  isReady(): boolean {
    return (this.#wasReady ||= this.#views.isReady())
  }

  close(): Promise<void> {
    return this.#views.close()
  }
}
