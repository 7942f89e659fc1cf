// Reads back from providers what their webhooks should have brought: at start, now and then, and when asked after an outage.
// Between a provider's own list and the log; what the log knows already is dropped, what is new enters like a webhook.

import type { ParsedEvent, RequestDescription } from '#channels'
import { partitionOf, type Entry, type Log } from '#log'
import { accountOf, commandsOf, conversationIdOf, messageIdOf, type Settings } from '#runtime'
import {
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
import { PARTITIONS } from '#topics'
import type { Outgoing } from './http.ts'
import type { Logger, Reports, WaitUntil } from './reports.ts'
import { providerAccountOf, type AttemptOptions } from './sender-attempt.ts'

export interface BackfillOptions extends Pick<AttemptOptions, 'credentialsOf' | 'apiUrlOf'> {
  readonly log: Pick<Log, 'bounds' | 'offsetAt' | 'latest'>
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
  /** One round over all accounts, from `since` (ms since 1970); resolves with the number of commands appended. */
  run(since?: number): Promise<number>
  close(): Promise<void>
}

const HOUR_MS = 3_600_000
const WEEK_MS = 168 * HOUR_MS
const WINDOWS_MS = [HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS, WEEK_MS] as const
/** Rounds overlap: Twilio's dates and ours differ, and a message may be listed late. */
const OVERLAP_MS = HOUR_MS
const CLOCK_SKEW_MS = 120_000
const TIMEOUT_MS = 30_000
const PAGE_BYTES_MAX = 7 * 1_048_576
/** Pages of one account in one round. */
const PAGES_MAX = 1000

const RANK: Readonly<Record<SendState, number>> = { queued: 0, unknown: 0, sent: 1, failed: 2, delivered: 3, read: 4 }

class ProviderBackfill implements Backfill {
  readonly #options: BackfillOptions
  readonly #stop = new AbortController()
  #lastAt: number | undefined
  #round: Promise<unknown> = Promise.resolve()
  #loop: Promise<void> = Promise.resolve()

  constructor(options: BackfillOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop = this.#repeat()
  }

  async #repeat(): Promise<void> {
    const { clock, wait, logger, intervalMs = HOUR_MS } = this.#options
    while (!this.#stop.signal.aborted) {
      try {
        await this.run()
      } catch (error) {
        if (!this.#stop.signal.aborted) logger.warn({ err: error }, 'backfill interrupted')
      }
      await wait(clock() + intervalMs, this.#stop.signal)
    }
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
    const { settings, logger, clock } = this.#options
    const startedAt = clock()
    const from = since ?? (this.#lastAt === undefined ? await this.#lastSeen() : this.#lastAt)
    let count = 0
    for (const { id: organizationId } of settings.organizations()) {
      for (const account of settings.list('account', organizationId)) {
        if (this.#stop.signal.aborted) return count
        try {
          count += await this.#account(account, Math.max(from - OVERLAP_MS, account.createdAt - CLOCK_SKEW_MS))
        } catch (error) {
          if (!this.#stop.signal.aborted) logger.warn({ accountId: account.id, err: error }, 'backfill of an account failed')
        }
      }
    }
    this.#lastAt = startedAt
    return count
  }

  /** A time before which nothing can be missing: the smallest window back from now in which any webhook was taken in. */
  async #lastSeen(): Promise<number> {
    const { log, clock } = this.#options
    const now = clock()
    const ends = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => log.bounds('raw', partition)))
    for (const window of WINDOWS_MS) {
      const offsets = await Promise.all(ends.map((_, partition) => log.offsetAt('raw', partition, now - window)))
      if (offsets.some((offset, partition) => offset < (ends[partition]?.end ?? 0))) return now - window
    }
    return now - WEEK_MS
  }

  async #account(account: Account, since: number): Promise<number> {
    const target = providerAccountOf(this.#options, account.id)
    const backfill = target?.provider.backfill ?? null
    if (target === undefined || backfill === null) return 0
    let count = 0
    const { credentials, apiUrl } = target
    for (let request of backfill.requests({ credentials, apiUrl, accountAddress: account.externalId, since })) {
      for (let page = 0; page < PAGES_MAX && !this.#stop.signal.aborted; page++) {
        const body = await this.#get(request)
        const parsed = backfill.parse(body, target)
        if (parsed === null) return count
        const news = await this.#news(parsed.events, { account, since })
        for (const { index, request: media } of parsed.mediaRequests) {
          const event = parsed.events[index]
          if (event === undefined || !news.includes(event)) continue
          const filled = backfill.withMedia(event, await this.#get(media), target)
          if (filled !== null) news[news.indexOf(event)] = filled
        }
        count += await this.#append(news, { account, request, body })
        if (parsed.next === null) break
        request = parsed.next
      }
    }
    return count
  }

  async #get(request: RequestDescription): Promise<string> {
    const answer = await this.#options.outgoing.request({
      ...request,
      timeoutMs: TIMEOUT_MS,
      responseBytesMax: PAGE_BYTES_MAX,
      isToProvider: true,
      signal: this.#stop.signal,
    })
    return answer.status === 200 ? answer.body.toString('utf8') : ''
  }

  /** What the log does not know yet, of this account alone. */
  async #news(events: readonly ParsedEvent[], { account, since }: { account: Account; since: number }): Promise<ParsedEvent[]> {
    const mine = events.filter(
      (event) =>
        accountOf(event, [account]) !== undefined && !(event.kind === 'message' && event.providerAt !== null && event.providerAt < since),
    )
    const isNew = await Promise.all(mine.map((event) => this.#isNew(event, account)))
    return mine.filter((_, index) => isNew[index])
  }

  async #isNew(event: ParsedEvent, account: Account): Promise<boolean> {
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

  async #append(
    events: readonly ParsedEvent[],
    { account, request, body }: { account: Account; request: RequestDescription; body: string },
  ): Promise<number> {
    if (events.length === 0) return 0
    const { settings, clock, reports } = this.#options
    const receivedAt = clock()
    const { organizationId } = account
    const idKey = settings.idKey(organizationId)
    const commands = commandsOf(events, { organizationId, idKey, account, receivedAt })
    const requestId = deriveKeyed(idKey, 'request', [account.id, 'backfill', request.url, String(receivedAt)])
    await reports.post(commands, this.#stop.signal, [rawEntry({ requestId, account, request, body, receivedAt })])
    return commands.length
  }
}

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
