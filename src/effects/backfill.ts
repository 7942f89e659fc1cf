// Reads back from providers what their webhooks should have brought: at start, now and then, and when ingest has refused some.
// Between a provider's own list and the log; what the log knows already is dropped, what is new enters like a webhook.

import type { ParsedEvent, RequestDescription } from '#channels'
import { ConfabError } from '#errors'
import { partitionOf, type Entry, type Log } from '#log'
import { accountOf, commandsOf, conversationIdOf, messageIdOf, type Settings } from '#runtime'
import {
  backfillMark,
  aliasRow,
  decode,
  deriveKeyed,
  encode,
  keys,
  messageRow,
  rawRequest,
  recordTypeOf,
  type Account,
  type RawRequest,
  type SendState,
} from '#schemas/log'
import { openPages, type Page, type Pages } from './backfill-pages.ts'
import type { Outgoing } from './http.ts'
import type { Logger, Reports, WaitUntil } from './reports.ts'
import { providerAccountOf, type AttemptOptions } from './sender-attempt.ts'

export interface BackfillOptions extends Pick<AttemptOptions, 'credentialsOf' | 'apiUrlOf'> {
  readonly log: Pick<Log, 'append' | 'latest'>
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly settings: Pick<Settings, 'organizations' | 'list' | 'account' | 'idKey'>
  readonly reports: Reports
  readonly clock: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
  /** Between two rounds; default one hour. */
  readonly intervalMs?: number
}

export interface Backfill {
  /** One round over all accounts, from where the last whole one began or from `since` (ms since 1970); resolves with the number of commands appended. */
  run(since?: number): Promise<number>
  /** Ingest has refused a webhook that may not come again: a round follows soon after the last such word. */
  refused(): void
  close(): Promise<void>
}

const HOUR_MS = 3_600_000
/** How far back an account without a whole round so far is read. */
const WEEK_MS = 168 * HOUR_MS
/** Rounds overlap: Twilio's dates and ours differ, and a message may be listed late. */
const OVERLAP_MS = HOUR_MS
const CLOCK_SKEW_MS = 120_000
/** After a refusal; Twilio's own retries are over by then. */
const QUIET_MS = 15_000
/** After a round that an account's provider broke off; doubles up to the interval. */
const AGAIN_MS = 15_000

const RANK: Readonly<Record<SendState, number>> = { queued: 0, unknown: 0, sent: 1, failed: 2, delivered: 3, read: 4 }

class ProviderBackfill implements Backfill {
  readonly #options: BackfillOptions
  readonly #pages: Pages
  readonly #stop = new AbortController()
  #woken = new AbortController()
  #dueAt = Number.POSITIVE_INFINITY
  #failures = 0
  #round: Promise<unknown> = Promise.resolve()
  #loop: Promise<void> = Promise.resolve()

  constructor(options: BackfillOptions) {
    this.#options = options
    this.#pages = openPages({ ...options, signal: this.#stop.signal })
  }

  start(): void {
    this.#loop = this.#repeat()
  }

  async #repeat(): Promise<void> {
    const { clock, logger, intervalMs = HOUR_MS } = this.#options
    while (!this.#stop.signal.aborted) {
      try {
        await this.run()
      } catch (error) {
        this.#failures += 1
        if (!this.#stop.signal.aborted) logger.warn({ err: error }, 'backfill interrupted')
      }
      const delayMs = this.#failures === 0 ? intervalMs : Math.min(intervalMs, AGAIN_MS * 2 ** Math.min(this.#failures - 1, 20))
      await this.#rest(clock() + delayMs)
    }
  }

  /** Until then, or until ingest has been quiet after a refusal. */
  async #rest(untilMs: number): Promise<void> {
    const { clock, wait } = this.#options
    for (;;) {
      const at = Math.min(untilMs, this.#dueAt)
      if (this.#stop.signal.aborted || clock() >= at) return
      await wait(at, AbortSignal.any([this.#stop.signal, this.#woken.signal]))
    }
  }

  refused(): void {
    const isKnown = this.#dueAt !== Number.POSITIVE_INFINITY
    this.#dueAt = this.#options.clock() + QUIET_MS
    // One wake-up for a whole flood of refusals: who waits looks at the time again by itself.
    if (isKnown) return
    this.#woken.abort()
    this.#woken = new AbortController()
  }

  run(since?: number): Promise<number> {
    // One round at a time: two would ask the provider for the same pages.
    const round = this.#round.then(
      () => this.#runAll(since),
      () => this.#runAll(since),
    )
    this.#round = round
    return round
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    await Promise.allSettled([this.#round])
  }

  async #runAll(since: number | undefined): Promise<number> {
    const { settings, logger } = this.#options
    // What is refused from now on needs another round.
    this.#dueAt = Number.POSITIVE_INFINITY
    let count = 0
    let isWhole = true
    for (const { id: organizationId } of settings.organizations()) {
      for (const account of settings.list('account', organizationId)) {
        if (this.#stop.signal.aborted) return count
        try {
          const done = await this.#account(account, since)
          count += done.count
          isWhole &&= done.isWhole
        } catch (error) {
          isWhole = false
          if (!this.#stop.signal.aborted) logger.warn({ accountId: account.id, err: error }, 'backfill of an account failed')
        }
      }
    }
    this.#failures = isWhole ? 0 : this.#failures + 1
    return count
  }

  async #account(account: Account, since: number | undefined): Promise<{ readonly count: number; readonly isWhole: boolean }> {
    const target = providerAccountOf(this.#options, account.id)
    const backfill = target?.provider.backfill ?? null
    if (target === undefined || backfill === null) return { count: 0, isWhole: true }
    const startedAt = this.#options.clock()
    const wanted = since ?? (await this.#readUpTo(account)) ?? startedAt - WEEK_MS
    const from = Math.max(wanted - OVERLAP_MS, account.createdAt - CLOCK_SKEW_MS)
    let count = 0
    const isWhole = await this.#pages.read(target, from, {
      newsOf: (events) => this.#news(events, account, from),
      take: async (pages) => {
        for (const page of pages) count += await this.#append(account, page)
      },
    })
    if (isWhole && since === undefined && !this.#stop.signal.aborted) await this.#noteReadUpTo(account, startedAt)
    if (!isWhole) this.#options.logger.warn({ accountId: account.id }, 'backfill of an account is not whole')
    return { count, isWhole }
  }

  /** When the last whole round of the account began: in the log, since an outage may have several restarts in it. */
  async #readUpTo({ id }: Account): Promise<number | undefined> {
    const [record] = await this.#options.log.latest('ownership', 0, [readUpToKey(id)])
    return record?.value === undefined || record.value === null ? undefined : decode(backfillMark, record.value).readUpTo
  }

  async #noteReadUpTo({ id }: Account, at: number): Promise<void> {
    const value = encode(backfillMark, { accountId: id, readUpTo: at })
    const headers = { type: recordTypeOf(backfillMark) }
    await this.#options.log.append([
      { topic: 'ownership', partition: 0, records: [{ key: readUpToKey(id), value, headers, time: this.#options.clock() }] },
    ])
  }

  /** What the log does not know yet, of this account alone. */
  async #news(events: readonly ParsedEvent[], account: Account, since: number): Promise<ParsedEvent[]> {
    const mine = events.filter(
      (event) =>
        accountOf(event, [account]) !== undefined && !(event.kind === 'message' && event.providerAt !== null && event.providerAt < since),
    )
    const isNew = await Promise.all(mine.map((event) => this.#isNew(event, account)))
    return mine.filter((_, index) => isNew[index])
  }

  async #isNew(event: ParsedEvent, account: Account): Promise<boolean> {
    if (event.kind !== 'message' && event.kind !== 'receipt') return false
    const { settings, log } = this.#options
    const idKey = settings.idKey(account.organizationId)
    const conversationId = conversationIdOf(idKey, account.id, event)
    const partition = partitionOf(conversationId)
    const [row] = await log.latest('messages', partition, [
      keys.message(conversationId, messageIdOf(idKey, account.id, event.providerMessageId)),
    ])
    const value = row?.value ?? null
    if (event.kind === 'message') return value === null
    // A send that is not ours, or one whose fate the sender's own lookup settles.
    if (value === null || row?.headers['type'] !== recordTypeOf(aliasRow)) return false
    const [stored] = await log.latest('messages', partition, [keys.message(conversationId, decode(aliasRow, value).messageId)])
    const state = stored?.value === undefined || stored.value === null ? undefined : decode(messageRow, stored.value).send?.state
    return state !== undefined && RANK[event.state] > RANK[state]
  }

  async #append(account: Account, { request, body, news }: Page): Promise<number> {
    if (news.length === 0) return 0
    const { settings, clock, reports } = this.#options
    const receivedAt = clock()
    const { organizationId } = account
    const idKey = settings.idKey(organizationId)
    const commands = commandsOf(news, { organizationId, idKey, account, receivedAt })
    const requestId = deriveKeyed(idKey, 'request', [account.id, 'backfill', request.url, String(receivedAt)])
    await reports.post(commands, this.#stop.signal, [rawEntry({ requestId, account, request, body, receivedAt })])
    // A post that a stop cut off has told nobody: the round is not whole.
    if (this.#stop.signal.aborted) throw new ConfabError('log_closed')
    return commands.length
  }
}

const readUpToKey = (accountId: string): string => `backfill/${accountId}`

const rawEntry = ({
  requestId,
  account,
  request,
  body,
  receivedAt,
}: {
  requestId: string
  account: Account
  request: RequestDescription
  body: string
  receivedAt: number
}): Entry => {
  const raw: RawRequest = {
    requestId,
    organizationId: account.organizationId,
    channel: account.channel,
    key: account.ingestKey,
    source: 'backfill',
    receivedAt,
    method: request.method,
    url: request.url,
    // Our request's headers hold credentials: none are kept.
    headers: {},
    body: Buffer.from(body),
  }
  return {
    topic: 'raw',
    partition: partitionOf(requestId),
    records: [{ key: requestId, value: encode(rawRequest, raw), headers: { type: recordTypeOf(rawRequest) }, time: receivedAt }],
  }
}

export const openBackfill = (options: BackfillOptions): Backfill => {
  const backfill = new ProviderBackfill(options)
  backfill.start()
  return backfill
}
