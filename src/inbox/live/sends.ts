// Messages on their way out: a bubble at once, kept until the outcome is known, sent again under the same id after a cut or a reload.
// Between the composer and the line; only an answer of the server ends a wait, never a clock.

import type { Problem } from '#schemas'
import type { Outgoing, Pending } from '../state/model.ts'
import type { Holder } from './holder.ts'
import type { Line } from './ports.ts'
import type { Threads } from './threads.ts'
import type { UnsentMessages } from './unsent.ts'

/** After this a message is not sent by itself any more: what it answers may be long settled. */
const FRESH_MS = 24 * 3_600_000

const stale: Problem = {
  type: 'about:blank',
  title: 'This was written a while ago and never sent.',
  status: 400,
  code: 'unsent',
  detail: 'Look at what has happened since, then send or discard it.',
}

export interface SendsOptions {
  readonly holder: Holder
  readonly threads: Threads
  readonly line: () => Line
  readonly unsent: UnsentMessages
  readonly clock: () => number
}

export class Sends {
  readonly #options: SendsOptions
  /** Without an answer, by client id: sent again when the line is back. */
  readonly #waiting = new Map<string, { readonly conversationId: string; readonly outgoing: Outgoing }>()

  constructor(options: SendsOptions) {
    this.#options = options
  }

  send(conversationId: string, outgoing: Outgoing): void {
    const { threads, unsent, clock } = this.#options
    const pending = { ...outgoing, at: new Date(clock()).toISOString(), refusal: null }
    threads.pend(conversationId, (before) => [...before, pending])
    unsent.keep(conversationId, pending)
    // The send ends the server's draft; here it must not come back either.
    threads.keepDraft(conversationId, null)
    threads.newest(conversationId)
    // Who answers has seen what was new.
    threads.patch(conversationId, { readUpTo: null })
    this.#submit(conversationId, outgoing)
  }

  discard(conversationId: string, clientId: string): void {
    this.#options.unsent.drop(clientId)
    this.#waiting.delete(clientId)
    this.#options.threads.pend(conversationId, (pending) => pending.filter((each) => each.clientId !== clientId))
  }

  /** What an earlier page left: shown again, and sent again unless it was refused or is old. */
  restore(): void {
    const { threads, unsent, clock } = this.#options
    for (const { conversationId, pending } of unsent.all()) {
      const isOld = clock() - Date.parse(pending.at) > FRESH_MS
      const shown = { ...pending, refusal: pending.refusal ?? (isOld ? stale : null) }
      threads.pend(conversationId, (before) => [...before, shown])
      if (shown.refusal === null) this.#submit(conversationId, shown)
    }
  }

  /** The line is back. */
  onLive(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { conversationId, outgoing } of waiting) this.#submit(conversationId, outgoing)
  }

  #submit(conversationId: string, outgoing: Outgoing): void {
    const { clientId, text, uploads, isNote, seenSeq, isOverride } = outgoing
    const attachments = uploads.flatMap(({ fileId }) => (fileId === null ? [] : [{ fileId }]))
    const fields = {
      conversationId,
      ...(text === '' ? {} : { text }),
      ...(attachments.length === 0 ? {} : { attachments }),
      ...(isNote ? { internal: true } : { seenSeq }),
      ...(isOverride ? { override: true } : {}),
    }
    this.#options
      .line()
      .command('message.send', fields, clientId)
      .then(
        ({ problem }) => this.#settle(conversationId, outgoing, problem),
        () => undefined,
      )
  }

  #settle(conversationId: string, outgoing: Outgoing, problem: Problem | undefined): void {
    const { holder, threads, unsent } = this.#options
    const { clientId } = outgoing
    if (problem === undefined) {
      unsent.drop(clientId)
      // A thread that is not loaded folds no event: the bubble has no other to give way to.
      if (holder.get().threads.get(conversationId)?.isLoaded !== true) this.discard(conversationId, clientId)
      return
    }
    // No answer came because there was no line: that is no refusal.
    const isCut = problem.status === 0 || problem.code === 'outcome_pending'
    if (isCut && holder.get().connection.state !== 'live') return void this.#waiting.set(clientId, { conversationId, outgoing })
    const refuse = (each: Pending): Pending => {
      const refused = { ...each, refusal: problem }
      unsent.keep(conversationId, refused)
      return refused
    }
    threads.pend(conversationId, (pending) => pending.map((each) => (each.clientId === clientId ? refuse(each) : each)))
  }
}
