// A query thread as the main thread sees it: questions, answers, a deadline; a thread that is stuck is replaced, not waited for.
// Between the views and queries/worker.ts.

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ConfabError } from '#errors'
import { isDamage } from '../file.ts'
import type { QueryOptions, QueryReply, QueryRequest, QuestionAnswer, QuestionArguments, QuestionName } from './worker.ts'

/** Questions that wait or are being answered; more are refused. */
const QUESTIONS_MAX = 2_000

interface Asked {
  readonly request: Omit<QueryRequest, 'id'>
  readonly resolve: (reply: Extract<QueryReply, { readonly answer: string }>) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout | undefined
}

export interface Answered<T> {
  readonly answer: T
  /** Next offsets by topic and partition. */
  readonly positions: Readonly<Record<string, readonly number[]>>
}

export interface QueryThreadOptions extends QueryOptions {
  readonly name: string
  /** Milliseconds from the question to the answer; undefined = however long it takes. */
  readonly deadlineMs?: number
  /** Called when a question meets a damaged file. */
  readonly onDamage?: () => void
}

export class QueryThread {
  readonly #options: QueryThreadOptions
  readonly #asked = new Map<number, Asked>()
  #worker: Worker | undefined
  #nextId = 1
  #isReadable = false
  #isClosed = false

  constructor(options: QueryThreadOptions) {
    this.#options = options
  }

  #start(): Worker {
    // Sources run as .ts, the published build as .js: a thread's file has the extension of this one.
    const extension = extname(new URL(import.meta.url).pathname)
    const { name, viewsFile, searchFile } = this.#options
    const worker = new Worker(new URL(`./worker${extension}`, import.meta.url), {
      workerData: { viewsFile, searchFile } satisfies QueryOptions,
      name: `views-${name}`,
    })
    worker.on('message', (reply: QueryReply) => this.#settle(reply))
    worker.on('error', (error) => {
      if (isDamage(error)) this.#options.onDamage?.()
      if (worker === this.#worker) this.#fail(new ConfabError('internal', { detail: 'A query thread ended.', cause: error }))
    })
    // Waiting for questions keeps no process alive; waiting for an answer does, by its deadline.
    worker.unref()
    this.#worker = worker
    return worker
  }

  #settle(reply: QueryReply): void {
    const asked = this.#asked.get(reply.id)
    if (asked === undefined) return
    this.#asked.delete(reply.id)
    clearTimeout(asked.timer)
    if (this.#asked.size === 0) this.#worker?.unref()
    if ('answer' in reply) return asked.resolve(reply)
    if (reply.isDamage) this.#options.onDamage?.()
    asked.reject(new ConfabError('internal', { detail: 'A query failed.', cause: new Error(reply.error) }))
  }

  /** Lets the thread go with all that was asked of it. A native statement in progress ends by itself; nobody waits for it. */
  #fail(error: Error): void {
    this.#drop()
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    for (const { reject, timer } of asked) {
      clearTimeout(timer)
      reject(error)
    }
  }

  /** Throws `overloaded`, `query_timeout`, `views_closed`, `internal`. */
  ask<N extends QuestionName>(name: N, ...values: QuestionArguments<N>): Promise<Answered<QuestionAnswer<N>>> {
    return this.askWithin(undefined, name, ...values)
  }

  /** The same of the conversations of some partitions only. */
  askWithin<N extends QuestionName>(
    within: readonly number[] | undefined,
    name: N,
    ...values: QuestionArguments<N>
  ): Promise<Answered<QuestionAnswer<N>>> {
    if (this.#isClosed) return Promise.reject(new ConfabError('views_closed'))
    if (this.#asked.size >= QUESTIONS_MAX) return Promise.reject(new ConfabError('overloaded'))
    const id = this.#nextId++
    const { deadlineMs } = this.#options
    const request = { name, values, ...(within === undefined ? {} : { within }) }
    return new Promise((resolve, reject) => {
      const timer = deadlineMs === undefined ? undefined : setTimeout(() => this.#expire(id, name), deadlineMs)
      this.#asked.set(id, {
        timer,
        request,
        reject,
        resolve: ({ answer, items, positions }) => {
          const parsed = JSON.parse(answer) as QuestionAnswer<N>
          resolve({
            answer: items === undefined ? parsed : ({ ...(parsed as object), items } as QuestionAnswer<N>),
            positions: JSON.parse(positions) as Answered<never>['positions'],
          })
        },
      })
      if (this.#isReadable) this.#post(id, request)
    })
  }

  /** While files are being filled only the asker gives up; else the thread is stuck in a question and goes with it. */
  #expire(id: number, name: QuestionName): void {
    const error = new ConfabError('query_timeout', { fields: { query: name } })
    if (this.#isReadable) return this.#fail(error)
    this.#asked.get(id)?.reject(error)
    this.#asked.delete(id)
  }

  /** Questions wait while the files are being filled; what is asked of files that are no more is asked again of the new ones. */
  setReadable(isReadable: boolean): void {
    if (isReadable === this.#isReadable) return
    this.#isReadable = isReadable
    if (!isReadable) return this.#drop()
    for (const [id, { request }] of this.#asked) this.#post(id, request)
  }

  #drop(): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.terminate().catch(() => undefined)
  }

  #post(id: number, request: Omit<QueryRequest, 'id'>): void {
    const worker = this.#worker ?? this.#start()
    worker.ref()
    worker.postMessage({ id, ...request } satisfies QueryRequest)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#fail(new ConfabError('views_closed'))
    await worker?.terminate()
  }
}
