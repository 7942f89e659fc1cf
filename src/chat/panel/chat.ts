// The visitor's chat: a line with one subscription, messages kept until acknowledged, marks told as they are seen.
// Between the client's socket and the panel's views; holds the one state and says when it changed.

import { connect, type Client } from '#client'
import type { Message, Problem, ServerFrame } from '#schemas'
import {
  initialState,
  lacksLinks,
  newestAnswer,
  unreadOf,
  withEvent,
  withLinks,
  withSnapshot,
  type ChatState,
  type Connection,
  type PendingMessage,
} from './state.ts'

export interface ChatOptions {
  readonly url: string
  readonly conversationId: string
  readonly token: () => Promise<{ readonly token: string; readonly expiresAt?: number }>
  /** The newest messages as read, with fresh links; null where they could not be read. Links must be of `position` or later. */
  readonly readMessages: (position: string | null) => Promise<readonly Message[] | null>
  readonly onChange: (state: ChatState) => void
  /** A message of ours came, for the page around. */
  readonly onAnswer: (message: Message) => void
  readonly newId: () => string
}

export interface Chat {
  readonly state: ChatState
  send(text: string, attachments: PendingMessage['attachments']): void
  retry(pending: PendingMessage): void
  typing(isTyping: boolean): void
  /** Links to files live for minutes: asks for fresh ones. */
  renewLinks(): void
  /** Whether the visitor looks at the panel: what they see counts as read. */
  look(isLooking: boolean): void
  close(): void
}

/** Marks are told together. */
const ACKNOWLEDGE_AFTER_MS = 250
const THREAD = 'thread'

class VisitorChat implements Chat {
  readonly #options: ChatOptions
  readonly #client: Client
  #state = initialState
  #isLooking = false
  #toldDelivered = 0
  #toldRead = 0
  #acknowledgeTimer: ReturnType<typeof setTimeout> | undefined
  #typingTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: ChatOptions) {
    this.#options = options
    this.#client = connect({
      url: options.url,
      token: options.token,
      subscriptions: [{ id: THREAD, scope: { conversation: options.conversationId } }],
      onFrame: (frame) => this.#frame(frame),
      onStatus: ({ state }) => this.#set({ ...this.#state, connection: state === 'stale' ? 'catching-up' : (state satisfies Connection) }),
    })
  }

  get state(): ChatState {
    return this.#state
  }

  send(text: string, attachments: PendingMessage['attachments']): void {
    this.#submit({ clientId: this.#options.newId(), text, attachments, at: new Date().toISOString(), problem: null })
  }

  /** Under the same id: where the first one arrived after all, this is no second message. */
  retry(pending: PendingMessage): void {
    this.#set({ ...this.#state, pending: this.#state.pending.filter(({ clientId }) => clientId !== pending.clientId) })
    this.#submit({ ...pending, problem: null })
  }

  typing(isTyping: boolean): void {
    this.#client.typing(this.#options.conversationId, isTyping)
  }

  renewLinks(): void {
    this.#fetchLinks(null)
  }

  #fetchLinks(position: string | null): void {
    this.#options.readMessages(position).then(
      (messages) => {
        if (messages !== null) this.#set(withLinks(this.#state, messages))
      },
      () => undefined,
    )
  }

  look(isLooking: boolean): void {
    this.#isLooking = isLooking
    this.#acknowledge()
  }

  close(): void {
    clearTimeout(this.#acknowledgeTimer)
    clearTimeout(this.#typingTimer)
    this.#client.close()
  }

  #submit(pending: PendingMessage): void {
    this.#set({ ...this.#state, pending: [...this.#state.pending, pending] })
    const { clientId, text, attachments } = pending
    const fields = {
      ...(text === '' ? {} : { text }),
      ...(attachments.length === 0 ? {} : { attachments: attachments.map(({ fileId }) => ({ fileId })) }),
    }
    this.#client.command('message.receive', fields, clientId).then(
      ({ problem }) => {
        if (problem !== undefined) this.#refuse(clientId, problem)
      },
      () => undefined,
    )
  }

  #refuse(clientId: string, problem: Problem): void {
    this.#set({ ...this.#state, pending: this.#state.pending.map((each) => (each.clientId === clientId ? { ...each, problem } : each)) })
  }

  #frame(frame: ServerFrame): void {
    switch (frame.frame) {
      case 'snapshot':
        this.#snapshot(frame)
        return
      case 'event': {
        const before = this.#state
        this.#set(withEvent(before, frame.event))
        const last = this.#state.messages.at(-1)
        if (lacksLinks(this.#state)) this.#fetchLinks(frame.cursor)
        if (this.#state.messages.length > before.messages.length && last?.direction === 'out') this.#options.onAnswer(last)
        return
      }
      case 'state':
        if (frame.kind === 'read') this.#readByTeam(frame.value)
        return
      case 'ephemeral':
        if (frame.kind === 'typing') this.#typing(frame.isTyping === true ? (frame.by?.name ?? '') : null, frame.ttlMs)
        return
      default:
        return
    }
  }

  #snapshot({ items, messages, states }: Extract<ServerFrame, { frame: 'snapshot' }>): void {
    this.#set(withSnapshot(this.#state, items[0] as Parameters<typeof withSnapshot>[1], (messages ?? []) as readonly Message[]))
    for (const { kind, value } of states ?? []) if (kind === 'read') this.#readByTeam(value)
  }

  #readByTeam(value: unknown): void {
    const upTo = (value as { readUpToContactSeq?: number } | null)?.readUpToContactSeq ?? 0
    if (upTo > this.#state.readByTeam) this.#set({ ...this.#state, readByTeam: upTo })
  }

  #typing(name: string | null, ttlMs = 6_000): void {
    clearTimeout(this.#typingTimer)
    if (name !== null) this.#typingTimer = setTimeout(() => this.#typing(null), ttlMs)
    if (name !== this.#state.typing) this.#set({ ...this.#state, typing: name })
  }

  #set(state: ChatState): void {
    if (state === this.#state) return
    this.#state = state
    this.#options.onChange(state)
    if (unreadOf(state) > 0) this.#acknowledge()
  }

  /** Tells how far the visitor has got: delivered as soon as it is here, read once the panel is looked at. */
  #acknowledge(): void {
    clearTimeout(this.#acknowledgeTimer)
    this.#acknowledgeTimer = setTimeout(() => {
      const newest = newestAnswer(this.#state)
      const deliveredUpTo = Math.max(newest, this.#state.delivered)
      const readUpTo = this.#isLooking ? newest : this.#state.read
      const isNews =
        deliveredUpTo > Math.max(this.#toldDelivered, this.#state.delivered) || readUpTo > Math.max(this.#toldRead, this.#state.read)
      if (!isNews) return
      this.#toldDelivered = deliveredUpTo
      this.#toldRead = Math.max(this.#toldRead, readUpTo)
      this.#client.command('contact.acknowledge', { deliveredUpTo, ...(readUpTo > 0 ? { readUpTo } : {}) }, this.#options.newId()).then(
        ({ problem }) => {
          // Told again with the next answer, or when the panel is looked at again.
          if (problem !== undefined) this.#toldDelivered = this.#toldRead = 0
        },
        () => undefined,
      )
    }, ACKNOWLEDGE_AFTER_MS)
  }
}

export const openChat = (options: ChatOptions): Chat => new VisitorChat(options)
