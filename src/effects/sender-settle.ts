// Settles sends of unknown fate by the provider's own list, where a channel has one: found = sent, provably absent = failed.
// Between the ledger's open fates and the conversation's actor; never sends, and leaves to people what it cannot prove.

import type { FoundSend } from '#channels'
import { hasCode } from '#errors'
import { follow, type Log } from '#log'
import { messageIdOf } from '#runtime'
import {
  addressRow,
  decode,
  derivePlain,
  keys,
  messageRow,
  sendRecord,
  type Address,
  type MessageContent,
  type SendRecord,
  type SendState,
} from '#schemas/log'
import { reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { providerAccountOf, type AttemptOptions, type ProviderAccount } from './sender-attempt.ts'
import type { SendLedger } from './sender-ledger.ts'

export interface SettlerOptions extends AttemptOptions {
  readonly log: Pick<Log, 'latest' | 'read' | 'bounds' | 'offsetAt'>
  readonly reports: Reports
  readonly clock: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
  readonly ledgerOf: (partition: number) => SendLedger
  /** Whether a send of the conversation is on its way: what the list shows may be that one. */
  readonly isSending: (conversationId: string) => boolean
  readonly signal: AbortSignal
}

interface Unknown {
  readonly partition: number
  readonly record: SendRecord
}

export interface Settler {
  /** Takes up what earlier runs left open in the partition. */
  open(partition: number): void
  add(unknown: Unknown): void
  release(partition: number): void
  close(): Promise<void>
}

/** The first look; callbacks settle most before it. */
const FIRST_LOOK_MS = 5000
const LOOK_AGAIN_MS = 300_000
const LOOKUP_TIMEOUT_MS = 15_000
const LOOKUP_BYTES_MAX = 2 * 1_048_576
/** An open fate is looked up for this long; then an agent settles it. */
const AGE_MS_MAX = 86_400_000
/** Fates followed at once; beyond it an agent settles them. */
const SETTLING_MAX = 2000

interface Subject {
  readonly content: MessageContent
  readonly address: Address
}

class ListSettler implements Settler {
  readonly #options: SettlerOptions
  readonly #open = new Map<string, Unknown>()
  readonly #running = new Set<Promise<void>>()
  /** One a partition: its lease is another node's after a release. */
  readonly #scopes = new Map<number, AbortController>()

  constructor(options: SettlerOptions) {
    this.#options = options
  }

  open(partition: number): void {
    this.#track(this.#recover(partition))
  }

  add(unknown: Unknown): void {
    const { conversationId, messageId, attempt } = unknown.record
    const key = keys.send(conversationId, messageId, attempt)
    if (this.#open.has(key)) return
    if (this.#open.size >= SETTLING_MAX) return this.#options.logger.warn({ conversationId, messageId }, 'too many open fates to look up')
    this.#open.set(key, unknown)
    this.#track(this.#settle(unknown).finally(() => this.#open.delete(key)))
  }

  release(partition: number): void {
    this.#scopes.get(partition)?.abort()
    this.#scopes.delete(partition)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running)
  }

  #signalOf(partition: number): AbortSignal {
    const scope = this.#scopes.get(partition) ?? new AbortController()
    this.#scopes.set(partition, scope)
    return AbortSignal.any([scope.signal, this.#options.signal])
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) => {
        if (!this.#options.signal.aborted && !hasCode(error, 'fenced', 'log_closed'))
          this.#options.logger.error({ err: error }, 'lookup stopped')
      })
      .finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  async #recover(partition: number): Promise<void> {
    const { log, clock, logger } = this.#options
    const signal = this.#signalOf(partition)
    const [{ end }, offset] = await Promise.all([log.bounds('sends', partition), log.offsetAt('sends', partition, clock() - AGE_MS_MAX)])
    if (offset >= end) return
    const newest = new Map<string, SendRecord>()
    const done = new AbortController()
    const onOutage = (err: unknown): void => logger.warn({ partition, err }, 'sends not read')
    for await (const chunk of follow(log, [{ topic: 'sends', partition, offset }], {
      signal: AbortSignal.any([signal, done.signal]),
      onOutage,
    })) {
      for (const { key, value } of chunk.records) {
        const record = value === null ? null : decode(sendRecord, value)
        if (record?.outcome === 'unknown') newest.set(key, record)
        else newest.delete(key)
      }
      if (chunk.next >= end) done.abort()
    }
    for (const record of newest.values()) this.add({ partition, record })
  }

  async #settle(unknown: Unknown): Promise<void> {
    const { clock, wait } = this.#options
    const signal = this.#signalOf(unknown.partition)
    // Counted from the end: until then the create may have been on its way.
    const endedAt = unknown.record.endedAt ?? unknown.record.startedAt
    let absences = 0
    for (let at = endedAt + FIRST_LOOK_MS; clock() - endedAt < AGE_MS_MAX;) {
      await wait(at, signal)
      if (signal.aborted) return
      const subject = await this.#subjectOf(unknown)
      const target = providerAccountOf(this.#options, unknown.record.accountId)
      if (subject === undefined || target === undefined || target.provider.lookup === null) return
      const verdict = await this.#look(unknown, subject, target)
      const { proofAfterMs } = target.provider.lookup
      if (typeof verdict === 'object') return this.#conclude(unknown, verdict.state, verdict)
      if (verdict === 'absent') absences += 1
      if (absences >= 2 && verdict === 'absent' && clock() - endedAt >= proofAfterMs) return this.#conclude(unknown, 'failed')
      at =
        verdict === 'open' ? clock() + LOOK_AGAIN_MS : Math.max(verdict === 'absent' ? endedAt + proofAfterMs : 0, clock() + FIRST_LOOK_MS)
    }
  }

  /** undefined = settled by someone else, or erased: nothing is left to do. */
  async #subjectOf({ partition, record }: Unknown): Promise<Subject | undefined> {
    const { conversationId, messageId, attempt } = record
    const [stored, place] = await this.#options.log.latest('messages', partition, [
      keys.message(conversationId, messageId),
      keys.address(conversationId),
    ])
    const row = stored?.value === undefined || stored.value === null ? null : decode(messageRow, stored.value)
    const address = place?.value === undefined || place.value === null ? null : decode(addressRow, place.value).address
    const send = row?.send
    // `queued`: the actor has not decided our report yet.
    const isOpen = send !== undefined && send !== null && send.attempt === attempt && (send.state === 'unknown' || send.state === 'queued')
    const content = row?.content ?? null
    return isOpen && content !== null && address !== null ? { content, address } : undefined
  }

  async #look(unknown: Unknown, { content, address }: Subject, target: ProviderAccount): Promise<FoundSend | 'absent' | 'open' | 'busy'> {
    const { lookup } = target.provider
    if (lookup === null) return 'open'
    if (this.#options.isSending(unknown.record.conversationId)) return 'busy'
    const { account, credentials, apiUrl } = target
    try {
      const answer = await this.#options.outgoing.request({
        ...lookup.request({ credentials, apiUrl, address }),
        timeoutMs: LOOKUP_TIMEOUT_MS,
        responseBytesMax: LOOKUP_BYTES_MAX,
        isToProvider: true,
        signal: this.#options.signal,
      })
      const found = lookup.parse({ status: answer.status, body: answer.body.toString('utf8') })
      if (found === null) return 'open'
      const { startedAt } = unknown.record
      const matching = found.filter((one) => lookup.matches(one, { content, context: { address, account }, startedAt }))
      const unexplained = await this.#unexplained(unknown, matching)
      const [only] = unexplained
      if (only === undefined) return 'absent'
      if (this.#options.isSending(unknown.record.conversationId)) return 'busy'
      // Two of ours that look alike, or two of theirs: which is which, nobody can say.
      return unexplained.length === 1 && !(await this.#hasRival(unknown, only, target)) ? only : 'open'
    } catch (error) {
      this.#options.logger.warn({ accountId: account.id, messageId: unknown.record.messageId, err: error }, 'lookup failed')
      return 'open'
    }
  }

  /** Without those that other sends of ours already account for. */
  async #unexplained({ partition, record }: Unknown, found: readonly FoundSend[]): Promise<FoundSend[]> {
    const { settings, log } = this.#options
    const idKey = settings.idKey(record.organizationId)
    const aliases = found.map(({ providerMessageId }) =>
      keys.message(record.conversationId, messageIdOf(idKey, record.accountId, providerMessageId)),
    )
    const rows = await log.latest('messages', partition, aliases)
    return found.filter((_, index) => (rows[index]?.value ?? null) === null)
  }

  /** Whether another open fate of the conversation could be the one found. */
  async #hasRival(unknown: Unknown, found: FoundSend, { account, provider }: ProviderAccount): Promise<boolean> {
    for (const other of this.#open.values()) {
      if (other === unknown || other.record.conversationId !== unknown.record.conversationId) continue
      const subject = await this.#subjectOf(other)
      if (subject === undefined) continue
      const { content, address } = subject
      const { startedAt } = other.record
      if (provider.lookup?.matches(found, { content, context: { address, account }, startedAt }) !== false) return true
    }
    return false
  }

  async #conclude({ partition, record }: Unknown, state: SendState, found?: FoundSend): Promise<void> {
    const { settings, reports, clock, signal, ledgerOf } = this.#options
    const { conversationId, messageId, organizationId, accountId, attempt } = record
    const settled = {
      outcome: state === 'failed' ? ('failed' as const) : ('sent' as const),
      reason: state === 'failed' ? (found?.reason ?? record.reason ?? 'connection_lost') : null,
      providerCode: found?.providerCode ?? null,
      providerMessageId: found?.providerMessageId ?? null,
    }
    const aliasId = found === undefined ? null : messageIdOf(settings.idKey(organizationId), accountId, found.providerMessageId)
    const { outcome, ...facts } = settled
    const effect = { effectId: derivePlain('effect', [conversationId, 'send', messageId, attempt]), organizationId }
    const data = { messageId, attempt, state: outcome, ...facts, aliasId, at: clock() }
    await reports.post(
      [
        reportOf(effect, {
          actor: { kind: 'conversation', id: conversationId },
          type: 'send.report',
          parts: [attempt, 'settled', outcome],
          at: clock(),
          data,
        }),
      ],
      signal,
    )
    // The report first: what a crash between the two leaves is an open fate in the ledger, looked up again, and not a lost report.
    if (!signal.aborted) await ledgerOf(partition).write({ ...record, ...settled, endedAt: clock() }, signal)
  }
}

export const openSettler = (options: SettlerOptions): Settler => new ListSettler(options)
