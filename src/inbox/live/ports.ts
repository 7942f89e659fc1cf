// What the inbox needs of the world: a line (frames in, subscriptions and commands out, how it stands) and HTTP.
// Between the inbox's state and open-line.ts and api.ts, the forms for a browser; tests bring their own.

import type { Accepted, Problem, Scope, ServerFrame } from '#schemas'
import type { Answered } from '../state/inbox.ts'
import type { Connection } from '../state/model.ts'

export interface LineHandlers {
  /** Snapshots, events, states and ephemeral frames, each event once. */
  readonly onFrame: (frame: ServerFrame) => void
  readonly onConnection: (connection: Connection) => void
  /** What an earlier page asked for was refused only now. */
  readonly onLateRefusal: (type: string, problem: Problem) => void
}

export interface Line {
  subscribe(id: string, scope: Scope): void
  unsubscribe(id: string): void
  /** `id` is the idempotency key: sent again under it after a cut, until the outcome is known. */
  command(type: string, fields: Readonly<Record<string, unknown>>, id: string): Promise<Answered<Accepted>>
  typing(conversationId: string, isTyping: boolean): void
  /** Tries at once instead of when the wait is over. */
  reconnect(): void
  close(): void
}

export interface ReadOptions {
  /** A place in the log that the answer must have seen. */
  readonly minPosition?: string
}

/** Never throws for what the server answers. */
export interface Api {
  request<T>(method: string, path: string, body?: unknown, options?: ReadOptions): Promise<Answered<T>>
  upload(file: File, onProgress: (progress: number) => void): Promise<Answered<string>>
}
