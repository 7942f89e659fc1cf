// The inbox over a line and HTTP: frames become state, an agent's actions become commands.
// Between the panes, which see state and actions, and the server; the only form of Inbox.

import type { Accepted, Content, Conversation, EventShape, Problem, ServerFrame } from '#schemas'
import type { Answered, ConversationAction, Draft, Inbox } from '../state/inbox.ts'
import { firstState, type Me, type Outgoing } from '../state/model.ts'
import type { ViewName } from '../state/views.ts'
import type { Api, Line, LineHandlers } from './ports.ts'
import { loadContact, loadDirectory } from './directory.ts'
import { applyEvent, applyState, withRow, withRows } from './fold.ts'
import { createHolder, type Holder } from './holder.ts'
import { Lists } from './lists.ts'
import { Sends } from './sends.ts'
import { Threads } from './threads.ts'
import { Typists } from './typists.ts'
import { UnsentMessages, type Keeper } from './unsent.ts'

export interface InboxOptions {
  readonly me: Me
  readonly api: Api
  readonly openLine: (handlers: LineHandlers) => Line
  readonly clock: () => number
  readonly newId: () => string
  /** Keeps unsent messages over a reload; null where the browser forbids it. */
  readonly keeper: Keeper | null
  readonly onSignOut: () => Promise<void>
}

const ALL = 'all'
/** Notices on screen at once; the oldest gives way. */
const TOASTS_MAX = 3

const wishes: Readonly<Record<ConversationAction, string>> = {
  claim: 'conversation.claim',
  release: 'conversation.release',
  assign: 'conversation.assign',
  snooze: 'conversation.snooze',
  resolve: 'conversation.resolve',
  reopen: 'conversation.reopen',
  label: 'conversation.label',
  priority: 'conversation.prioritize',
}

/** Under which the client keeps an agent's commands. */
export const commandsKey = (agentId: string): string => `confab.commands.${agentId}`

class LiveInbox implements Inbox {
  readonly #options: InboxOptions
  readonly #holder: Holder
  readonly #lists: Lists
  readonly #threads: Threads
  readonly #line: Line
  readonly #typists: Typists
  readonly #sends: Sends
  readonly #unsent: UnsentMessages
  readonly #readUpTo = new Map<string, number>()
  #toastKey = 0
  #isJumped = false
  #wasLive = false

  readonly subscribe: Inbox['subscribe']
  readonly getState: Inbox['getState']

  constructor(options: InboxOptions) {
    this.#options = options
    this.#holder = createHolder(firstState(options.me))
    this.subscribe = this.#holder.subscribe
    this.getState = this.#holder.get
    this.#typists = new Typists(this.#holder)
    this.#lists = new Lists(this.#holder, options.api)
    this.#threads = new Threads({ holder: this.#holder, api: options.api, line: () => this.#line })
    this.#unsent = new UnsentMessages(options.keeper, options.me.id)
    this.#sends = new Sends({
      holder: this.#holder,
      threads: this.#threads,
      line: () => this.#line,
      unsent: this.#unsent,
      clock: options.clock,
    })
    this.#line = options.openLine({
      onFrame: (frame) => this.#frame(frame),
      onConnection: (connection) => {
        this.#holder.set((state) => ({ ...state, connection }))
        // Counters are read afresh after every absence: folding them needs every row's former state.
        if (connection.state === 'live' && this.#wasLive) void this.#lists.counts()
        this.#wasLive ||= connection.state === 'live'
        if (connection.state === 'live') this.#sends.onLive()
      },
      onLateRefusal: (_type, problem) => this.notify(problem.title, { tone: 'danger' }),
    })
    this.#line.subscribe(ALL, { all: true })
    this.#sends.restore()
    void this.reloadDirectory()
  }

  #frame(frame: ServerFrame): void {
    switch (frame.frame) {
      case 'snapshot':
        return this.#snapshot(frame)
      case 'event': {
        const { state, wanted } = applyEvent(this.#holder.get(), frame.event)
        this.#holder.set(() => state)
        this.#threads.seen(frame.cursor)
        if (wanted !== null) this.#lists.want(wanted, frame.cursor)
        this.#fetchLinks(frame.event, frame.cursor)
        return
      }
      case 'state':
        return this.#holder.set((state) => applyState(state, frame.kind, frame.id, frame.value))
      case 'ephemeral':
        if (frame.kind === 'typing' && frame.conversationId !== undefined && frame.by?.kind === 'contact') {
          this.#typists.set(frame.conversationId, frame.isTyping === true, frame.ttlMs)
        }
        return
      case 'resync':
        if (frame.id === ALL || frame.id === undefined) this.#isJumped = true
        return
      default:
        return
    }
  }

  #snapshot(frame: Extract<ServerFrame, { frame: 'snapshot' }>): void {
    if (frame.messages !== undefined) return this.#threads.take(frame)
    const rows = frame.items as readonly Conversation[]
    if (!this.#isJumped) {
      this.#holder.set((state) => withRows(state, rows))
      void this.#lists.counts()
      return
    }
    // The line could not go on where it was: what is not in the snapshot may be anything by now.
    this.#isJumped = false
    this.#holder.set((state) => ({ ...state, rows: new Map(rows.map((row) => [row.id, row])), typing: new Set() }))
    this.#lists.reload()
    this.#threads.reload()
  }

  #fetchLinks({ subject, data }: EventShape, position: string): void {
    const files = (data['content'] as Content | undefined)?.attachments ?? []
    const isShown = this.#holder.get().threads.get(subject.id)?.isLoaded === true
    if (!isShown || typeof data['messageId'] !== 'string' || !files.some(({ fileId, url }) => fileId !== null && url === undefined)) return
    void this.#threads.renewLinks(subject.id, data['messageId'], position)
  }

  renewLinks(conversationId: string, messageId: string): void {
    void this.#threads.renewLinks(conversationId, messageId)
  }

  openList(view: ViewName): void {
    this.#lists.open(view)
  }
  loadMore(view: ViewName): void {
    this.#lists.more(view)
  }
  retryList(view: ViewName): void {
    this.#lists.retry(view)
  }
  openThread(conversationId: string): () => void {
    return this.#threads.open(conversationId)
  }
  loadOlder(conversationId: string): void {
    void this.#threads.older(conversationId)
  }
  loadNewer(conversationId: string): void {
    void this.#threads.newer(conversationId)
  }
  showMessage(conversationId: string, messageId: string): Promise<boolean> {
    return this.#threads.around(conversationId, messageId)
  }
  showNewest(conversationId: string): void {
    this.#threads.newest(conversationId)
  }
  lookUp(conversationIds: readonly string[]): void {
    this.#lists.lookUp(conversationIds)
  }

  async act(conversationId: string, action: ConversationAction, body: Readonly<Record<string, unknown>> = {}): Promise<Problem | null> {
    const answer = await this.#command(wishes[action], { conversationId, ...body })
    return answer.problem ?? null
  }

  send(conversationId: string, outgoing: Outgoing): void {
    this.#sends.send(conversationId, outgoing)
  }
  discardPending(conversationId: string, clientId: string): void {
    this.#sends.discard(conversationId, clientId)
  }

  settle(conversationId: string, messageId: string, as: 'sent' | 'failed'): void {
    this.#wish('message.settle', { conversationId, messageId, as })
  }

  retry(conversationId: string, messageId: string, risksDuplicate: boolean): void {
    this.#wish('message.retry', { conversationId, messageId, ...(risksDuplicate ? { risk: 'duplicate' } : {}) })
  }

  markRead(conversationId: string, upToSeq: number): void {
    if ((this.#readUpTo.get(conversationId) ?? 0) >= upToSeq) return
    this.#readUpTo.set(conversationId, upToSeq)
    this.#setUnread(conversationId, 0)
    this.#wish('conversation.read', { conversationId, upToSeq })
  }

  markUnread(conversationId: string, fromSeq: number): void {
    const messages = this.#holder.get().threads.get(conversationId)?.messages ?? []
    const last = messages.findLast((message) => message.direction === 'in')
    this.#readUpTo.delete(conversationId)
    this.#setUnread(conversationId, 1)
    this.#wish('conversation.read', { conversationId, unreadFrom: last?.seq ?? fromSeq })
  }

  typing(conversationId: string, isTyping: boolean): void {
    this.#line.typing(conversationId, isTyping)
  }

  loadDraft(conversationId: string): Promise<Draft | null> {
    return this.#threads.draft(conversationId)
  }

  saveDraft(conversationId: string, draft: Draft): void {
    const isEmpty = draft.text.trim() === ''
    this.#threads.keepDraft(conversationId, isEmpty ? null : draft)
    void this.#command('conversation.draft', {
      conversationId,
      text: isEmpty ? null : draft.text,
      internal: draft.isNote,
      rev: this.#options.clock(),
    })
  }

  upload(file: File, onProgress: (progress: number) => void): Promise<Answered<string>> {
    return this.#options.api.upload(file, onProgress)
  }

  loadContact(contactId: string): void {
    void loadContact(this.#holder, this.#options.api, contactId)
  }

  request<T>(method: string, path: string, body?: unknown): Promise<Answered<T>> {
    return this.#options.api.request<T>(method, path, body)
  }

  reloadDirectory(): Promise<void> {
    return loadDirectory(this.#holder, this.#options.api)
  }

  notify(text: string, { tone = 'plain', undo }: { tone?: 'plain' | 'danger'; undo?: () => void } = {}): void {
    const toast = { key: this.#toastKey++, text, tone, undo: undo ?? null }
    this.#holder.set((state) => ({ ...state, toasts: [...state.toasts, toast].slice(-TOASTS_MAX) }))
  }

  dismiss(key: number): void {
    this.#holder.set((state) => ({ ...state, toasts: state.toasts.filter((toast) => toast.key !== key) }))
  }

  reconnect(): void {
    this.#line.reconnect()
  }

  async signOut(): Promise<void> {
    this.close()
    // Unsent words are nobody's record: they do not stay on a machine that its agent leaves.
    this.#unsent.clear()
    this.#options.keeper?.removeItem(commandsKey(this.#options.me.id))
    await this.#options.onSignOut()
  }

  close(): void {
    this.#typists.close()
    this.#line.close()
  }

  #setUnread(conversationId: string, unread: number): void {
    this.#holder.set((state) => {
      const row = state.rows.get(conversationId)
      return row === undefined ? state : withRow(state, conversationId, { ...row, unread }, false)
    })
  }

  #command(type: string, fields: Readonly<Record<string, unknown>>): Promise<Answered<Accepted>> {
    return this.#line.command(type, fields, this.#options.newId())
  }

  /** A command whose outcome the events show; only a refusal is said. */
  #wish(type: string, fields: Readonly<Record<string, unknown>>): void {
    this.#command(type, fields).then(
      ({ problem }) => {
        if (problem !== undefined) this.notify(problem.title, { tone: 'danger' })
      },
      () => undefined,
    )
  }
}

export const openInbox = (options: InboxOptions): Inbox => new LiveInbox(options)
