// The views as everybody sees them: questions go to the query threads, positions come from the feeder, audit from the log itself.
// Between the port and the threads; what leaves here has its files' urls and public names filled in.

import type { Contact, Content, Message } from '#schemas'
import type { PublicNameOf } from '#schemas/log'
import type { Log, Offset } from '#log'
import { PARTITIONS, type Topic } from '#topics'
import { readAudit } from './audit-list.ts'
import { readEvents } from './audit.ts'
import { Feeder } from './feeder.ts'
import type { FeederLogger, ViewsSample } from './feeding.ts'
import type { AsOf, FoldedViews, Page, PartName, Viewer, ViewPosition, Views } from './index.ts'
import { isViewTopic, viewTopics } from './packet.ts'
import { Past } from './past/past.ts'
import { combineHashes } from './queries/merge.ts'
import { QueryThread, type Answered } from './queries/thread.ts'
import type { QuestionAnswer, QuestionArguments } from './queries/worker.ts'

/** Milliseconds a search may take; what takes longer is a question for a report. */
const SEARCH_DEADLINE_MS = 2_000
const LIST_DEADLINE_MS = 10_000

export interface ViewsParts {
  readonly log: Log
  readonly viewsFile: string
  readonly searchFile: string
  readonly logger: FeederLogger
  readonly clock: () => number
  readonly onMetrics: (sample: ViewsSample) => void
  readonly fileUrl: ((organizationId: string, fileId: string) => string) | undefined
  readonly publicNameOf: PublicNameOf | undefined
  readonly partitions: ReadonlySet<number> | undefined
}

interface Waiter {
  readonly positions: AsOf
  readonly done: (isApplied: boolean) => void
}

const asOfOf = (positions: Answered<unknown>['positions']): AsOf =>
  viewTopics.flatMap((topic) => (positions[topic] ?? []).map((offset, partition): ViewPosition => ({ topic, partition, offset })))

/** Of conversations the places of these partitions; contacts are whole everywhere. */
const asOfWithin = (positions: Answered<unknown>['positions'], partitions: readonly number[]): AsOf =>
  asOfOf(positions).filter(({ topic, partition }) => topic === 'contact-events' || partitions.includes(partition))

const askPart = async <N extends PartName>(
  thread: QueryThread,
  partitions: readonly number[],
  name: N,
  values: QuestionArguments<N>,
): Promise<{ readonly answer: QuestionAnswer<N>; readonly asOf: AsOf }> => {
  const { answer, positions } = await thread.askWithin(partitions.length === PARTITIONS ? undefined : partitions, name, ...values)
  return { answer, asOf: asOfWithin(positions, partitions) }
}

const isForContact = ({ grants }: Viewer, asContact?: boolean): boolean => grants.kind === 'contact' || asContact === true

export class SqliteViews implements FoldedViews {
  readonly #parts: ViewsParts
  readonly #feeder: Feeder
  readonly #lists: QueryThread
  readonly #searches: QueryThread
  readonly #past: Past
  #waiters: Waiter[] = []

  constructor(parts: ViewsParts) {
    this.#parts = parts
    const { log, viewsFile, searchFile, logger } = parts
    const files = { viewsFile, searchFile }
    const onDamage = (): void => this.#feeder.discard()
    this.#lists = new QueryThread({ name: 'lists', deadlineMs: LIST_DEADLINE_MS, onDamage, ...files })
    this.#searches = new QueryThread({ name: 'searches', deadlineMs: SEARCH_DEADLINE_MS, onDamage, ...files })
    this.#past = new Past({
      log,
      views: this,
      messagesUpTo: async (...[viewer, conversationId, query]) => pageOf(await this.#lists.ask('messages', viewer, conversationId, query)),
    })
    this.#feeder = new Feeder({
      log,
      files: { rows: viewsFile, search: searchFile },
      partitions: parts.partitions,
      logger,
      clock: parts.clock,
      onSample: parts.onMetrics,
      onApplied: () => this.#settleWaiters(),
      onReadable: (isReadable) => {
        this.#lists.setReadable(isReadable)
        this.#searches.setReadable(isReadable)
      },
    })
  }

  start(): Promise<void> {
    return this.#feeder.start()
  }

  async conversations(...[viewer, query]: Parameters<Views['conversations']>): ReturnType<Views['conversations']> {
    return pageOf(await this.#lists.ask('conversations', viewer, query))
  }

  async conversationBytes(...[viewer, query]: Parameters<Views['conversationBytes']>): ReturnType<Views['conversationBytes']> {
    const { answer, positions } = await this.#lists.ask('conversationBytes', viewer, query)
    return { ...answer, asOf: asOfOf(positions) }
  }

  async conversation(viewer: Viewer, id: string): ReturnType<Views['conversation']> {
    const { answer, positions } = await this.#lists.ask('conversation', viewer, id)
    return { item: answer, asOf: asOfOf(positions) }
  }

  async messages(...[viewer, conversationId, query]: Parameters<Views['messages']>): ReturnType<Views['messages']> {
    const page = pageOf(await this.#lists.ask('messages', viewer, conversationId, query))
    const isContact = isForContact(viewer, query.asContact)
    return { ...page, items: page.items.map((message) => this.#onTheWayOut(message, viewer, isContact)) }
  }

  async message(...[viewer, conversationId, messageId]: Parameters<Views['message']>): ReturnType<Views['message']> {
    const { answer } = await this.#lists.ask('message', viewer, conversationId, messageId)
    return answer === null ? null : this.#onTheWayOut(answer, viewer, isForContact(viewer))
  }

  /** A contact is told an author's public name, never who it is. */
  #onTheWayOut(message: Message, { grants }: Viewer, isContact: boolean): Message {
    const { fileUrl, publicNameOf } = this.#parts
    const content =
      message.content === null || fileUrl === undefined
        ? message.content
        : withUrls(message.content, (fileId) => fileUrl(grants.organizationId, fileId))
    if (!isContact) return content === message.content ? message : { ...message, content }
    const name = publicNameOf?.(message.author)
    return { ...message, content, author: { kind: message.author.kind, id: null, ...(name === undefined ? {} : { name }) } }
  }

  conversationAt(...[viewer, id, moment]: Parameters<Views['conversationAt']>): ReturnType<Views['conversationAt']> {
    return this.#past.conversation(viewer, id, moment)
  }

  async messagesAt(...[viewer, conversationId, query, moment]: Parameters<Views['messagesAt']>): ReturnType<Views['messagesAt']> {
    const page = await this.#past.messages(viewer, conversationId, query, moment)
    return { ...page, items: page.items.map((message) => this.#onTheWayOut(message, viewer, false)) }
  }

  contactAt(...[viewer, id, moment]: Parameters<Views['contactAt']>): ReturnType<Views['contactAt']> {
    return this.#past.contact(viewer, id, moment)
  }

  events(...[viewer, subjectId, query]: Parameters<Views['events']>): ReturnType<Views['events']> {
    return readEvents({ log: this.#parts.log, views: this }, viewer, { subjectId, ...query })
  }

  audit(...[viewer, query]: Parameters<Views['audit']>): ReturnType<Views['audit']> {
    return readAudit(this.#parts.log, viewer, query, this.#parts.clock())
  }

  async contacts(...[viewer, query]: Parameters<Views['contacts']>): Promise<Page<Contact>> {
    const { text, ...rest } = query
    if (text === undefined || text.trim() === '') return pageOf(await this.#lists.ask('contacts', viewer, rest))
    return pageOf(await this.#searches.ask('people', viewer, { text, ...rest }))
  }

  async contact(viewer: Viewer, id: string): ReturnType<Views['contact']> {
    const { answer, positions } = await this.#lists.ask('contact', viewer, id)
    return { item: answer, asOf: asOfOf(positions) }
  }

  async search(...[viewer, query]: Parameters<Views['search']>): ReturnType<Views['search']> {
    return pageOf(await this.#searches.ask('search', viewer, query))
  }

  async counts(viewer: Viewer): ReturnType<Views['counts']> {
    const { answer, positions } = await this.#lists.ask('counts', viewer)
    return { counts: answer, asOf: asOfOf(positions) }
  }

  async rows(conversationIds: readonly string[]): ReturnType<Views['rows']> {
    return conversationIds.length === 0 ? [] : (await this.#lists.ask('rows', conversationIds)).answer
  }

  held(): ReadonlySet<number> {
    return this.#feeder.held()
  }

  fold(...[partitions, forget]: Parameters<FoldedViews['fold']>): Promise<void> {
    return this.#feeder.fold(partitions, forget)
  }

  async part<N extends PartName>(
    partitions: readonly number[],
    name: N,
    ...values: QuestionArguments<N>
  ): Promise<{ readonly answer: QuestionAnswer<N>; readonly asOf: AsOf }> {
    if (name === 'hashes') return this.#aside((thread) => askPart(thread, partitions, name, values))
    return askPart(name === 'hits' ? this.#searches : this.#lists, partitions, name, values)
  }

  async heads(...[viewer, query]: Parameters<FoldedViews['heads']>): ReturnType<FoldedViews['heads']> {
    return (await this.#searches.ask('heads', viewer, query)).answer
  }

  async hash(): Promise<string> {
    return this.#aside(async (thread) => combineHashes((await thread.ask('hashes')).answer))
  }

  /** What reads everything has a thread of its own, so that nobody's list waits. */
  async #aside<T>(work: (thread: QueryThread) => Promise<T>): Promise<T> {
    const { viewsFile, searchFile } = this.#parts
    const thread = new QueryThread({ name: 'hash', viewsFile, searchFile, onDamage: () => this.#feeder.discard() })
    // Waits with the lists for files that can be read.
    await this.#lists.ask('rows', [])
    thread.setReadable(true)
    try {
      return await work(thread)
    } finally {
      await thread.close()
    }
  }

  async contentsOf(...[subjectId, upToSeq, limit]: Parameters<Views['contentsOf']>): ReturnType<Views['contentsOf']> {
    return (await this.#lists.ask('contentsOf', { subjectId, upToSeq, limit })).answer
  }

  applied(topic: Topic, partition: number): Offset {
    return isViewTopic(topic) ? this.#feeder.applied(topic, partition) : 0
  }

  /** Positions of topics that views do not fold are waited for by nobody here. */
  waitFor(positions: AsOf, timeoutMs: number): Promise<boolean> {
    const wanted = positions.filter(({ topic }) => isViewTopic(topic))
    if (this.#isApplied(wanted)) return Promise.resolve(true)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        positions: wanted,
        done: (isApplied) => {
          clearTimeout(timer)
          resolve(isApplied)
        },
      }
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        resolve(false)
      }, timeoutMs)
      this.#waiters.push(waiter)
    })
  }

  #isApplied(positions: AsOf): boolean {
    return positions.every(({ topic, partition, offset }) => this.applied(topic, partition) >= offset)
  }

  #settleWaiters(): void {
    if (this.#waiters.length === 0) return
    const done = this.#waiters.filter(({ positions }) => this.#isApplied(positions))
    if (done.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter))
    for (const waiter of done) waiter.done(true)
  }

  isReady(): boolean {
    return this.#feeder.isReady
  }

  async close(): Promise<void> {
    for (const waiter of this.#waiters.splice(0)) waiter.done(false)
    // Readers first: the last connection to go, the writer's, leaves one whole file behind.
    await Promise.all([this.#lists.close(), this.#searches.close()])
    await this.#feeder.close()
  }
}

const pageOf = <T>({
  answer,
  positions,
}: Answered<{ readonly items: readonly T[]; readonly next: readonly (string | number)[] | null }>): Page<T> => ({
  items: answer.items,
  next: answer.next,
  asOf: asOfOf(positions),
})

const withUrls = (content: Content, fileUrl: (fileId: string) => string): Content =>
  content.attachments === undefined
    ? content
    : {
        ...content,
        attachments: content.attachments.map((file) =>
          file.fileId === null || file.state !== 'ready' ? file : { ...file, url: fileUrl(file.fileId) },
        ),
      }
