// Carries `send` effects to providers: in order per conversation, in parallel across them, at most one create per attempt.
// Between the outbox and the channels' APIs; `started` is durable before the first byte, and what a crash leaves open is `unknown`.

import { hasCode } from '#errors'
import type { Log } from '#log'
import { messageIdOf } from '#runtime'
import type { EffectSend, SendReason, SendRecord, SendState } from '#schemas/log'
import type { Carrier, OpenEffect } from './outbox.ts'
import { backoffMs, reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { Accounts, failed, type Conclusion } from './sender-accounts.ts'
import { fateOf, planOf, type AttemptOptions, type Plan } from './sender-attempt.ts'
import { Lane } from './sender-lane.ts'
import { SendLedger, sendKeyOf } from './sender-ledger.ts'
import type { Gate } from './sender-pace.ts'
import { openSettler, type Settler } from './sender-settle.ts'

export interface SendSample {
  readonly channel: string
  readonly accountId: string
  readonly state: SendState
  readonly reason: SendReason | null
  readonly durationMs: number
}

export interface SenderOptions extends AttemptOptions {
  readonly log: Pick<Log, 'lease' | 'latest' | 'read' | 'bounds' | 'offsetAt'>
  readonly reports: Reports
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
  readonly observe?: (sample: SendSample) => void
}

/** `close` lets requests under way end, then cuts them off: their fate is then `unknown`, as after any crash. */
export interface Sender extends Carrier {
  close(drainMs?: number): Promise<void>
}

/** Requests that provably sent nothing, before a message fails with `retries_spent`. */
const TRIES_MAX = 8
/** Throttled or not, an attempt ends after this long. */
const ATTEMPT_AGE_MS_MAX = 4 * 3_600_000
const RETRY_BACKOFF = { firstMs: 1000, maxMs: 300_000 } as const
const DRAIN_MS = 5000

class ChannelSender implements Sender {
  readonly types = ['send'] as const
  readonly #options: SenderOptions
  readonly #settler: Settler
  readonly #lanes = new Map<string, Lane>()
  readonly #ledgers = new Map<number, SendLedger>()
  readonly #accounts: Accounts
  /** No new start. */
  readonly #stop = new AbortController()
  /** Cut requests off. */
  readonly #cut = new AbortController()

  constructor(options: SenderOptions) {
    this.#options = options
    this.#accounts = new Accounts({ ...options, signal: this.#stop.signal })
    this.#settler = openSettler({
      ...options,
      ledgerOf: (partition) => this.#ledgerOf(partition),
      isSending: (conversationId) => this.#lanes.get(conversationId)?.isIdle === false,
      signal: this.#stop.signal,
    })
  }

  open(partition: number): void {
    this.#settler.open(partition)
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'send' || this.#stop.signal.aborted) return
    this.#laneOf(effect.value.conversationId, effect.partition).put(effect.key, effect.value)
  }

  end(_partition: number, key: string): void {
    const conversationId = key.slice(0, key.indexOf('/'))
    const lane = this.#lanes.get(conversationId)
    lane?.end(key)
    if (lane?.isIdle === true) this.#lanes.delete(conversationId)
  }

  release(partition: number): void {
    for (const [conversationId, lane] of this.#lanes) {
      if (lane.partition !== partition) continue
      lane.close()
      this.#lanes.delete(conversationId)
    }
    this.#ledgers.delete(partition)
    this.#settler.release(partition)
  }

  async close(drainMs = DRAIN_MS): Promise<void> {
    this.#stop.abort()
    const lanes = [...this.#lanes.values()].map((lane) => lane.settled)
    const timer = setTimeout(() => this.#cut.abort(), drainMs)
    await Promise.all(lanes)
    clearTimeout(timer)
    await this.#settler.close()
    await Promise.all([...this.#ledgers.values()].map((ledger) => ledger.close()))
  }

  #laneOf(conversationId: string, partition: number): Lane {
    const known = this.#lanes.get(conversationId)
    if (known !== undefined) return known
    const { clock, wait } = this.#options
    const lane: Lane = new Lane({
      partition,
      clock,
      wait,
      stop: this.#stop.signal,
      carry: (effect) => this.#carry(effect, lane),
      onError: (error, effect) => this.#mayTryAgain(error, effect),
      onIdle: () => void (this.#lanes.get(conversationId) === lane && this.#lanes.delete(conversationId)),
    })
    this.#lanes.set(conversationId, lane)
    return lane
  }

  #mayTryAgain(error: unknown, { effectId, conversationId, messageId }: EffectSend): boolean {
    // Fenced: the new owner carries on, from what the ledger says.
    if (this.#stop.signal.aborted || hasCode(error, 'fenced', 'log_closed')) return false
    this.#options.logger.error({ effectId, conversationId, messageId, err: error }, 'send interrupted')
    return true
  }

  #ledgerOf(partition: number): SendLedger {
    const known = this.#ledgers.get(partition)
    if (known !== undefined) return known
    const ledger = new SendLedger({ ...this.#options, partition })
    this.#ledgers.set(partition, ledger)
    return ledger
  }

  /** From what the ledger says to a report that the log has taken. */
  async #carry(effect: EffectSend, lane: Lane): Promise<void> {
    const ledger = this.#ledgerOf(lane.partition)
    const known = await ledger.read(sendKeyOf(effect))
    if (known !== null && known.outcome !== 'queued') {
      const isCrashed = known.outcome === null
      const record: SendRecord = isCrashed ? { ...known, outcome: 'unknown', reason: 'crashed', endedAt: this.#options.clock() } : known
      if (isCrashed) await ledger.write(record, this.#stop.signal)
      return this.#report(effect, record, lane.partition)
    }
    const record = await this.#attempt(effect, lane, known)
    if (record !== undefined) await this.#report(effect, record, lane.partition)
  }

  /** Tries until the attempt has a fate. undefined = ended, taken over or closing before a byte left: nothing to report. */
  async #attempt(effect: EffectSend, lane: Lane, known: SendRecord | null): Promise<SendRecord | undefined> {
    const { clock, random, wait } = this.#options
    const ledger = this.#ledgerOf(lane.partition)
    const begun = known?.startedAt ?? clock()
    let tries = known?.tries ?? 0
    while (!this.#stop.signal.aborted && lane.holds(effect)) {
      const plan = planOf(this.#options, effect)
      const halted = this.#accounts.haltOf(effect)
      if (plan.kind !== 'request' || halted !== undefined) return this.#concludeUnsent(effect, ledger, plan, halted)
      const gate = this.#accounts.gateOf(effect)
      if (!(await gate.enter())) return undefined
      const ended = await this.#request(effect, { ledger, lane, tries, gate })
      if (ended === 'replan') continue
      if (ended === undefined || ended.outcome !== 'queued') return ended
      tries = ended.tries
      if (tries >= TRIES_MAX || clock() - begun > ATTEMPT_AGE_MS_MAX)
        return this.#write(ledger, { ...ended, outcome: 'failed', reason: 'retries_spent' })
      if (ended.reason !== null) await wait(clock() + backoffMs(tries, RETRY_BACKOFF, random), this.#stop.signal)
    }
    return undefined
  }

  async #request(
    effect: EffectSend,
    { ledger, lane, tries, gate }: { ledger: SendLedger; lane: Lane; tries: number; gate: Gate },
  ): Promise<SendRecord | 'replan' | undefined> {
    try {
      if (!lane.holds(effect)) return undefined
      // Planned anew: at the gate an account may have changed or been halted, and links to files expire.
      const plan = planOf(this.#options, effect)
      if (plan.kind !== 'request' || this.#accounts.haltOf(effect) !== undefined) return 'replan'
      const started = startedOf(effect, this.#options.clock(), tries)
      await ledger.write(started, this.#stop.signal)
      const fate = await fateOf(this.#options.outgoing, plan, this.#cut.signal)
      const endedAt = this.#options.clock()
      const ended = { ...started, endedAt, durationMs: endedAt - started.startedAt }
      switch (fate.kind) {
        case 'accepted':
          gate.pace.succeeded()
          return await this.#write(ledger, { ...ended, outcome: 'sent', providerMessageId: fate.providerMessageId })
        case 'unknown':
          return await this.#write(ledger, { ...ended, outcome: 'unknown', reason: fate.reason, providerCode: fate.providerCode })
        case 'throttle':
          gate.pace.throttled(fate.afterMs)
          return await this.#write(ledger, { ...ended, outcome: 'queued', providerCode: fate.providerCode })
        case 'retry':
          return await this.#write(ledger, {
            ...ended,
            outcome: 'queued',
            reason: fate.reason,
            providerCode: fate.providerCode,
            tries: tries + 1,
          })
        case 'permanent-credential':
          this.#accounts.halt(effect, failed(fate.reason, fate.providerCode))
          return await this.#write(ledger, { ...ended, outcome: 'failed', reason: fate.reason, providerCode: fate.providerCode })
        case 'permanent-message':
        case 'permanent-recipient':
          return await this.#write(ledger, { ...ended, outcome: 'failed', reason: fate.reason, providerCode: fate.providerCode })
      }
    } finally {
      gate.leave()
    }
  }

  async #write(ledger: SendLedger, record: SendRecord): Promise<SendRecord> {
    try {
      await ledger.write(record, this.#cut.signal)
    } catch (error) {
      // The new owner will call it unknown; that it was accepted is known here alone, and a report needs no lease.
      if (!hasCode(error, 'fenced') || record.outcome !== 'sent') throw error
    }
    return record
  }

  /** What never becomes a request: refused by the channel, by a halted account, or local and so sent by being in the log. */
  #concludeUnsent(effect: EffectSend, ledger: SendLedger, plan: Plan, halted: Conclusion | undefined): Promise<SendRecord> {
    const now = this.#options.clock()
    const local: Conclusion = { state: 'sent', reason: null, providerCode: null, providerMessageId: null }
    const { state, ...conclusion } =
      plan.kind === 'local' ? local : plan.kind === 'refused' ? failed(plan.reason) : (halted ?? failed('other'))
    return this.#write(ledger, { ...startedOf(effect, now, 0), endedAt: now, outcome: state, ...conclusion })
  }

  async #report(effect: EffectSend, record: SendRecord, partition: number): Promise<void> {
    const { reports, observe, settings, clock } = this.#options
    const state = record.outcome ?? 'unknown'
    const { reason, providerCode, providerMessageId } = record
    const aliasId =
      providerMessageId === null ? null : messageIdOf(settings.idKey(effect.organizationId), effect.accountId, providerMessageId)
    const actor = { kind: 'conversation', id: effect.conversationId } as const
    const { messageId, attempt } = effect
    const data = { messageId, attempt, state, reason, providerCode, providerMessageId, aliasId, at: record.endedAt ?? clock() }
    const report = reportOf(effect, { actor, type: 'send.report', parts: [attempt, state], at: clock(), data })
    const opt = reportOf(effect, { actor, type: 'conversation.opt', parts: [attempt], at: clock(), data: { isOptedOut: true } })
    await reports.post(reason === 'recipient_opted_out' ? [report, opt] : [report], this.#cut.signal)
    observe?.({ channel: effect.channel, accountId: effect.accountId, state, reason, durationMs: record.durationMs ?? 0 })
    if (state === 'unknown') this.#settler.add({ partition, record })
  }
}

const startedOf = (
  { conversationId, messageId, organizationId, accountId, attempt }: EffectSend,
  now: number,
  tries: number,
): SendRecord => ({
  conversationId,
  messageId,
  organizationId,
  accountId,
  attempt,
  startedAt: now,
  endedAt: null,
  outcome: null,
  reason: null,
  providerCode: null,
  providerMessageId: null,
  durationMs: null,
  tries,
})

export const openSender = (options: SenderOptions): Sender => new ChannelSender(options)
