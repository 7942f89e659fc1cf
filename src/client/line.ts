// How the line to a server stands, what a client asks of it, and what it needs of the platform.
// Between callers and the connection; shapes only.

import type { Problem, Scope, ServerFrame } from '#schemas'
import type { CommandStorage } from './keeping.ts'
import type { Command } from './outbox.ts'

/** `live` alone promises that everything up to now has been applied. */
export type LineStatus =
  | { readonly state: 'connecting' | 'live' | 'catching-up' | 'offline' | 'stale' }
  /** `retryAt`: milliseconds since 1970. */
  | { readonly state: 'reconnecting'; readonly retryAt: number }
  /** The server said to stay away, or the client was closed. */
  | { readonly state: 'ended'; readonly reason: string }

/** What applies frames: snapshot, event (each once), state, ephemeral, resync. */
export type AppliedFrame = Extract<ServerFrame, { frame: 'snapshot' | 'event' | 'state' | 'ephemeral' | 'resync' | 'welcome' | 'error' }>

export type Result<T = unknown> =
  | { readonly ok: T; readonly position?: string; readonly problem?: undefined }
  | { readonly problem: Problem; readonly ok?: undefined }

export interface SubscribeOptions {
  /** Event types; a reader of fewer types does not check gaps. */
  readonly types?: readonly string[]
  /** A cursor, "latest", "earliest" or a time; without it a snapshot comes first. */
  readonly from?: string
  /** Of bots: a work queue, true or its name; each event of it is to be acknowledged, and may come again. */
  readonly queue?: true | string
}

export interface SubscriptionWish extends SubscribeOptions {
  readonly id: string
  readonly scope: Scope
}

/** What may be saved beside the state that it belongs to, in one storage transaction, or not at all. */
export interface ResumePoint {
  readonly checkpoint: string
  readonly slots: Readonly<Record<string, string>>
  readonly subscriptions: readonly SubscriptionWish[]
  /** Subject → the last seq applied. */
  readonly known: readonly (readonly [string, number])[]
}

/** The part of a WebSocket that is used; the platform's own fits. */
export interface SocketLike {
  readonly readyState: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

/** A token and, where it is known, when it ends: milliseconds since 1970. */
export type TokenAnswer = string | { readonly token: string; readonly expiresAt?: number }

export interface ConnectOptions {
  /** ws: or wss:, path /v1/socket. */
  readonly url: string
  /** Asked before each opening and before the token ends. `Refused` as the error's name ends the line; other errors are tried again. */
  readonly token: () => Promise<TokenAnswer>
  readonly subscriptions?: readonly SubscriptionWish[]
  /** Each event once, in the order of `seq`; called before the cursor moves. It folds and returns: it neither throws nor waits. */
  readonly onFrame?: (frame: AppliedFrame) => void
  readonly onStatus?: (status: LineStatus) => void
  /** What `onFrame` threw: a fault of the caller, reported and passed over. */
  readonly onError?: (error: unknown) => void
  /** Saved together with the state it belongs to. */
  readonly resume?: ResumePoint
  /** Where commands without an outcome outlive the page, to be sent by the next one under their ids; with it they are kept for a day. */
  readonly storage?: CommandStorage
  /** One for each site and sign-in that share the storage; default `confab.commands`. */
  readonly storageKey?: string
  /** The outcome of a command that an earlier page made; this page's have their promises. */
  readonly onOutcome?: (command: Command, result: Result) => void
  readonly platform?: Partial<Platform>
}

export interface Client {
  readonly status: LineStatus
  /** Holes in `seq` that were met, each healed by a snapshot: anything but 0 is a fault of the server. */
  readonly gaps: number
  /** Frames dropped because they were known: by design after a resume. */
  readonly repeats: number
  readonly pendingCommands: readonly Command[]
  onStatus(listener: (status: LineStatus) => void): () => void
  onFrame(listener: (frame: AppliedFrame) => void): () => void
  subscribe(id: string, scope: SubscriptionWish['scope'], options?: SubscribeOptions): void
  unsubscribe(id: string): void
  /** Kept and sent again under the id until the outcome is known; drawn where none is given. */
  command<T = unknown>(type: string, fields: Readonly<Record<string, unknown>>, id?: string): Promise<Result<T>>
  typing(conversationId: string, isTyping: boolean, options?: { readonly isNote?: boolean }): void
  /** With a conversation: that one looks at it; `openAwareness` says it again and again. */
  presence(state: 'online' | 'away' | 'viewing' | 'replying' | 'gone', conversationId?: string): void
  /** Of a work queue: the event has been dealt with. `id`: the subscription it came by. */
  acknowledge(cursor: string, id?: string): void
  /** Tries at once instead of when the wait is over. */
  reconnect(): void
  /** Where the applied state stands; undefined while a part of it is under way. */
  resumePoint(): ResumePoint | undefined
  close(): void
}

/** The platform's; tests bring a virtual one. */
export interface Platform {
  now(): number
  /** In [0, 1). */
  random(): number
  /** Calls once after the time; answers what undoes it. */
  later(call: () => void, ms: number): () => void
  open(url: string, protocol: string): SocketLike
  /** An id nobody has drawn before. */
  draw(): string
  isOnline(): boolean
  /** Calls when the network is back or the page is shown again. */
  onWake(call: () => void): () => void
}

/** What a browser, a worker and Node 24 all have. */
export const platform: Platform = {
  now: () => Date.now(),
  random: () => Math.random(),
  later: (call, ms) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  open: (url, protocol) => new WebSocket(url, protocol) as unknown as SocketLike,
  draw: () => drawId(),
  isOnline: () => (globalThis.navigator as { onLine?: boolean } | undefined)?.onLine !== false,
  onWake: (call) => {
    const target = globalThis as unknown as Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> & {
      document?: EventTarget & { visibilityState?: string }
    }
    const shown = (): void => {
      if (target.document?.visibilityState === 'visible') call()
    }
    target.addEventListener?.('online', call)
    target.document?.addEventListener('visibilitychange', shown)
    return () => {
      target.removeEventListener?.('online', call)
      target.document?.removeEventListener('visibilitychange', shown)
    }
  },
}

/** randomUUID exists on secure pages alone; a page over plain http draws its bits itself. */
const drawId = (): string =>
  Array.from(globalThis.crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
