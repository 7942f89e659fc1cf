// Carries `send` effects to providers: in order per conversation, in parallel across them, at most one create per attempt.
// Between the outbox and the channels' APIs; `started` is durable before the first byte, and what a crash leaves open is `unknown`.

import { hasCode } from '#errors'
import type { Log } from '#log'
import { channelOf } from '#channels'
import { conversationIdOf, messageIdOf, troubleWrite } from '#runtime'
import { derivePlain, type Command, type EffectSend, type SendReason, type SendRecord, type SendState } from '#schemas/log'
import type { Carrier, OpenEffect } from './outbox.ts'
import { backoffMs, reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { Accounts, failed, type Conclusion } from './sender-accounts.ts'
import { fateOf, planOf, type AttemptOptions, type Plan } from './sender-attempt.ts'
import { Lane } from './sender-lane.ts'
import { SendLedger, sendKeyOf } from './sender-ledger.ts'
import type { Gate } from './sender-pace.ts'
import { endedBy, spent, startedOf, troubleWords, type Ended, type Progress } from './sender-ended.ts'
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
    const known = (await ledger.read(sendKeyOf(effect))) ?? (await this.#formerParts(effect, ledger))
    // A request under the same id gets its first result: what a crash left open is asked again.
    const isOpen = known === null || known.outcome === 'queued' || (known.outcome === null && this.#isIdempotent(effect))
    if (!isOpen) {
      const isCrashed = known.outcome === null
      const record: SendRecord = isCrashed ? { ...known, outcome: 'unknown', reason: 'crashed', endedAt: this.#options.clock() } : known
      if (isCrashed) await ledger.write(record, this.#stop.signal)
      return this.#report(effect, record, lane.partition)
    }
    const record = await this.#attempt(effect, lane, known)
    if (record !== undefined) await this.#report(effect, record, lane.partition)
  }

  /** A retry goes on behind the parts that a former attempt has brought there. */
  async #formerParts(effect: EffectSend, ledger: SendLedger): Promise<SendRecord | null> {
    if (effect.attempt <= 1) return null
    const former = await ledger.read(sendKeyOf({ ...effect, attempt: effect.attempt - 1 }))
    const parts = former?.parts ?? []
    return parts.length === 0 ? null : { ...startedOf(effect, this.#options.clock(), { tries: 0, parts }), outcome: 'queued' }
  }

  #isIdempotent({ accountId, channel }: EffectSend): boolean {
    const account = this.#options.settings.account(accountId)
    return account !== undefined && channelOf(channel)?.provider?.isIdempotent?.(account.options) === true
  }

  /** Tries until the attempt has a fate. undefined = ended, taken over or closing before a byte left: nothing to report. */
  async #attempt(effect: EffectSend, lane: Lane, known: SendRecord | null): Promise<SendRecord | undefined> {
    const { clock, random, wait } = this.#options
    const ledger = this.#ledgerOf(lane.partition)
    const begun = known?.startedAt ?? clock()
    let progress: Progress = { tries: known?.tries ?? 0, parts: known?.parts ?? [] }
    while (!this.#stop.signal.aborted && lane.holds(effect)) {
      const plan = planOf(this.#options, effect, { now: clock(), part: progress.parts.length })
      const halted = this.#accounts.haltOf(effect)
      if (plan.kind !== 'request' || halted !== undefined) return this.#concludeUnsent(effect, ledger, { plan, halted, progress })
      const gate = this.#accounts.gateOf(effect)
      if (!(await gate.enter(effect.author === 'other' ? 'bulk' : 'live'))) return undefined
      const ended = await this.#request(effect, { ledger, lane, progress, gate })
      if (ended === 'replan') continue
      if (ended === undefined || ended.record.outcome !== 'queued') return ended?.record
      const { record } = ended
      progress = { tries: record.tries, parts: record.parts ?? [] }
      if (progress.tries >= TRIES_MAX || clock() - begun > ATTEMPT_AGE_MS_MAX)
        return this.#write(ledger, spent(record, ended.isOpen === true))
      if (ended.waitMs !== undefined) await wait(clock() + ended.waitMs, this.#stop.signal)
      else if (record.reason !== null) await wait(clock() + backoffMs(progress.tries, RETRY_BACKOFF, random), this.#stop.signal)
    }
    return undefined
  }

  async #request(
    effect: EffectSend,
    { ledger, lane, progress, gate }: { ledger: SendLedger; lane: Lane; progress: Progress; gate: Gate },
  ): Promise<Ended | 'replan' | undefined> {
    try {
      if (!lane.holds(effect)) return undefined
      // Planned anew: at the gate an account may have changed or been halted, and links to files expire.
      const plan = planOf(this.#options, effect, { now: this.#options.clock(), part: progress.parts.length })
      if (plan.kind !== 'request' || this.#accounts.haltOf(effect) !== undefined) return 'replan'
      const started = startedOf(effect, this.#options.clock(), progress)
      await ledger.write(started, this.#stop.signal)
      const fate = await fateOf(this.#options.outgoing, plan, this.#cut.signal)
      const ended = endedBy(fate, {
        started,
        endedAt: this.#options.clock(),
        isLast: plan.isLast,
        isIdempotent: this.#isIdempotent(effect),
      })
      if (fate.kind === 'accepted') gate.pace.succeeded()
      if (fate.kind === 'throttle' && fate.scope !== 'conversation') gate.pace.throttled(fate.afterMs)
      if (fate.kind === 'permanent-credential') this.#accounts.halt(effect, failed(fate.reason, fate.providerCode))
      await this.#write(ledger, ended.record)
      return ended
    } finally {
      gate.leave()
    }
  }

  /** What the provider says of the account stands in the account, once; a message that goes through ends it. */
  #troubleOf({ accountId, organizationId }: EffectSend, { outcome, reason, providerCode }: SendRecord): Command[] {
    const { settings, clock } = this.#options
    const account = settings.account(accountId)
    const isRefused = outcome === 'failed' && (reason === 'credentials_refused' || reason === 'account_suspended')
    if (account === undefined || !(isRefused || (outcome === 'sent' && account.isBroken === true))) return []
    const what = isRefused && reason !== null ? troubleWords({ reason, providerCode }) : null
    if (what !== null && account.trouble === what) return []
    const commandId = derivePlain('command', [accountId, 'trouble', account.rev, what ?? ''])
    const at = clock()
    return [troubleWrite({ organizationId, account }, commandId, what === null ? { what, at } : { what, at, isBroken: true })]
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
  #concludeUnsent(
    effect: EffectSend,
    ledger: SendLedger,
    { plan, halted, progress }: { plan: Plan; halted: Conclusion | undefined; progress: Progress },
  ): Promise<SendRecord> {
    const now = this.#options.clock()
    const local: Conclusion = { state: 'sent', reason: null, providerCode: null, providerMessageId: null }
    const { state, ...conclusion } =
      plan.kind === 'local' ? local : plan.kind === 'refused' ? failed(plan.reason) : (halted ?? failed('other'))
    return this.#write(ledger, { ...startedOf(effect, now, { ...progress, tries: 0 }), endedAt: now, outcome: state, ...conclusion })
  }

  async #report(effect: EffectSend, record: SendRecord, partition: number): Promise<void> {
    const { reports, observe, settings, clock } = this.#options
    const state = record.outcome ?? 'unknown'
    const { reason, providerCode, providerMessageId } = record
    const idKey = settings.idKey(effect.organizationId)
    const aliasOf = (id: string): string => messageIdOf(idKey, effect.accountId, id)
    const aliasId = providerMessageId === null ? null : aliasOf(providerMessageId)
    const parts = (record.parts ?? []).filter((id) => id !== providerMessageId)
    const others = effect.address.threadId === null ? (record.userIds ?? []).filter((id) => id !== effect.address.userId) : []
    const actor = { kind: 'conversation', id: effect.conversationId } as const
    const { messageId, attempt } = effect
    const data = {
      ...{ messageId, attempt, state, reason, providerCode, providerMessageId, aliasId, at: record.endedAt ?? clock() },
      ...(parts.length === 0 ? {} : { partAliases: parts.map(aliasOf) }),
      ...(others.length === 0
        ? {}
        : { aliases: others.map((userId) => conversationIdOf(idKey, effect.accountId, { userId, threadId: null })) }),
    }
    const report = reportOf(effect, { actor, type: 'send.report', parts: [attempt, state], at: clock(), data })
    const opt = reportOf(effect, { actor, type: 'conversation.opt', parts: [attempt], at: clock(), data: { isOptedOut: true } })
    const more = reason === 'recipient_opted_out' ? [opt] : this.#troubleOf(effect, record)
    await reports.post([report, ...more], this.#cut.signal)
    observe?.({ channel: effect.channel, accountId: effect.accountId, state, reason, durationMs: record.durationMs ?? 0 })
    if (state === 'unknown') this.#settler.add({ partition, record })
  }
}

export const openSender = (options: SenderOptions): Sender => new ChannelSender(options)
