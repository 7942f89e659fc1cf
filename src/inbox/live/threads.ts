// The threads that are or were open: their first page by a subscription, other pages by HTTP, drafts and marks beside them.
// Between the state's threads and the line; a thread that was open stays true, since the line brings every event anyway.

import type { Conversation, EventShape, Message } from '#schemas'
import { emptyThread, type Pending, type Thread } from '../state/model.ts'
import type { Draft } from '../state/inbox.ts'
import type { Api, Line } from './ports.ts'
import { isMark, withEntry, withLinks, withRow } from './fold.ts'
import type { Holder } from './holder.ts'
import { Pages } from './pages.ts'

/** A first page as long as this may have older ones before it. */
const FULL_PAGE = 20
/** Threads kept after they were closed, the newest. */
const KEPT_MAX = 20
/** Events read for the lines of activity. */
const HISTORY = 100

const prefix = 'thread/'

export interface ThreadSnapshot {
  readonly id: string
  readonly items: readonly unknown[]
  readonly messages?: readonly unknown[]
  readonly states?: readonly { readonly kind: string; readonly value: unknown }[]
}

export class Threads {
  readonly #holder: Holder
  readonly #api: Api
  readonly #line: () => Line
  readonly #pages: Pages
  #position: string | null = null
  readonly #open = new Map<string, number>()
  readonly #drafts = new Map<string, Draft | null>()
  readonly #waiting = new Map<string, ((draft: Draft | null) => void)[]>()

  constructor(options: { holder: Holder; api: Api; line: () => Line }) {
    this.#holder = options.holder
    this.#api = options.api
    this.#line = options.line
    this.#pages = new Pages({
      api: options.api,
      get: (id) => this.#holder.get().threads.get(id),
      patch: (id, change) => this.patch(id, change),
      position: () => this.#position,
    })
  }

  open(id: string): () => void {
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1)
    const known = this.#holder.get().threads.get(id)
    if (known?.isLoaded === true) this.patch(id, { readUpTo: this.#readUpTo(id, known) })
    else if (this.#open.get(id) === 1) this.#line().subscribe(prefix + id, { conversation: id })
    return () => {
      const left = (this.#open.get(id) ?? 1) - 1
      if (left > 0) return void this.#open.set(id, left)
      this.#open.delete(id)
      this.#line().unsubscribe(prefix + id)
      // Turned to an older page it is not worth keeping: opened again, it begins at the newest.
      const { hasNewer, pending } = this.#holder.get().threads.get(id) ?? emptyThread
      if (hasNewer) this.#holder.set((state) => ({ ...state, threads: withEntry(state.threads, id, { ...emptyThread, pending }) }))
      this.#forgetOldest()
    }
  }

  patch(id: string, change: Partial<Thread>): void {
    this.#holder.set((state) => ({
      ...state,
      threads: withEntry(state.threads, id, { ...(state.threads.get(id) ?? emptyThread), ...change }),
    }))
  }

  pend(id: string, change: (pending: readonly Pending[]) => readonly Pending[]): void {
    this.patch(id, { pending: change((this.#holder.get().threads.get(id) ?? emptyThread).pending) })
  }

  /** Row, newest messages and marks of one conversation, asked for here or by the line itself to heal a hole. */
  take(snapshot: ThreadSnapshot): void {
    const row = snapshot.items[0] as Conversation | undefined
    const id = row?.id ?? snapshot.id.slice(prefix.length)
    if (row !== undefined && !this.#holder.get().threads.has(id) && !this.#open.has(id))
      return this.#holder.set((state) => withRow(state, id, row, true))
    if (row === undefined) {
      return this.patch(id, {
        problem: { type: 'about:blank', title: 'It does not exist, or you may not see it.', status: 404, code: 'not_found' },
      })
    }
    const me = this.#holder.get().me.id
    const mark = snapshot.states
      ?.map(({ value }) => value)
      .filter(isMark)
      .find(({ agentId }) => agentId === me)
    const messages = (snapshot.messages ?? []) as readonly Message[]
    this.#holder.set((state) => ((state.rows.get(id)?.seq ?? 0) > row.seq ? state : withRow(state, id, row, false)))
    this.patch(id, {
      messages,
      events: [],
      isLoaded: true,
      hasOlder: messages.length >= FULL_PAGE,
      hasNewer: false,
      problem: null,
      seq: row.seq,
      readUpTo: row.unread > 0 ? (mark?.readUpTo ?? 0) : null,
    })
    this.#setDraft(id, mark?.draft == null || mark.draft === '' ? null : { text: mark.draft, isNote: mark.isNoteDraft === true })
    void this.#history(id, row.seq)
  }

  /** After a jump of the line: what is closed is forgotten, what is open is read anew. */
  reload(): void {
    // What is on its way stays, wherever it is.
    this.#holder.set((state) => ({
      ...state,
      threads: new Map(
        [...state.threads].flatMap(([id, thread]): [string, Thread][] => {
          if (this.#open.has(id)) return [[id, thread]]
          return thread.pending.length === 0 ? [] : [[id, { ...emptyThread, pending: thread.pending }]]
        }),
      ),
    }))
    for (const id of this.#open.keys()) this.#line().subscribe(prefix + id, { conversation: id })
  }

  older(id: string): Promise<void> {
    return this.#pages.older(id)
  }
  newer(id: string): Promise<void> {
    return this.#pages.newer(id)
  }

  /** Turns a loaded thread to a message; answers whether it is there. */
  around(id: string, messageId: string): Promise<boolean> {
    return this.#pages.around(id, messageId)
  }

  /** Back from older pages to the newest: taken up anew, as it was at first. */
  newest(id: string): void {
    if (this.#holder.get().threads.get(id)?.hasNewer === true) this.#line().subscribe(prefix + id, { conversation: id })
  }

  /** A place in the log that has been applied. */
  seen(position: string): void {
    this.#position = position
  }

  /** Links to files live for minutes and come with what is read, not with events: reads one message again for them. */
  async renewLinks(id: string, messageId: string, position: string | null = null): Promise<void> {
    const options = position === null ? {} : { minPosition: position }
    const path = `/v1/conversations/${id}/messages?around=${messageId}&limit=1`
    const answer = await this.#api.request<{ items: Message[] }>('GET', path, undefined, options)
    const thread = this.#holder.get().threads.get(id)
    if (answer.problem === undefined && thread !== undefined) this.patch(id, { messages: withLinks(thread.messages, answer.ok.items) })
  }

  draft(id: string): Promise<Draft | null> {
    const known = this.#drafts.get(id)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]))
  }

  keepDraft(id: string, draft: Draft | null): void {
    this.#drafts.set(id, draft)
  }

  #setDraft(id: string, draft: Draft | null): void {
    // What was typed here since is newer than what the snapshot found.
    if (!this.#drafts.has(id)) this.#drafts.set(id, draft)
    for (const resolve of this.#waiting.get(id) ?? []) resolve(this.#drafts.get(id) ?? null)
    this.#waiting.delete(id)
  }

  /** The lines of activity; who may not read the audit sees those that happen from now on. */
  async #history(id: string, seq: number): Promise<void> {
    const state = this.#holder.get()
    if (!state.me.permissions.includes('audit.read')) return
    const answer = await this.#api.request<{ items: EventShape[] }>(
      'GET',
      `/v1/conversations/${id}/events?after=${Math.max(0, seq - HISTORY)}&limit=${HISTORY}`,
    )
    const thread = this.#holder.get().threads.get(id)
    if (answer.problem !== undefined || thread === undefined) return
    const older = answer.ok.items.filter((event) => event.seq <= seq)
    this.patch(id, { events: [...older, ...thread.events.filter((event) => event.seq > seq)] })
  }

  /** Where the unread line stands in a thread that was kept. */
  #readUpTo(id: string, thread: Thread): number | null {
    const unread = this.#holder.get().rows.get(id)?.unread ?? 0
    if (unread === 0) return null
    const first = thread.messages.filter((message) => message.direction === 'in').at(-unread)
    return first === undefined ? 0 : first.seq - 1
  }

  #forgetOldest(): void {
    const { threads } = this.#holder.get()
    const closed = [...threads].flatMap(([id, { pending }]) => (this.#open.has(id) || pending.length > 0 ? [] : [id]))
    const gone = new Set(closed.slice(0, Math.max(0, closed.length - KEPT_MAX)))
    if (gone.size > 0) this.#holder.set((state) => ({ ...state, threads: new Map([...state.threads].filter(([id]) => !gone.has(id))) }))
  }
}
