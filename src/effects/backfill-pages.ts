// The pages of a provider's list of messages, oldest first and with their attachments named.
// Between a provider's API, which lists newest first, and the backfill, which must enter a STOP before the START that followed it.

import type { ParsedEvent, RequestDescription } from '#channels'
import type { Outgoing } from './http.ts'
import type { Logger } from './reports.ts'
import type { ProviderAccount } from './sender-attempt.ts'

export interface Page {
  readonly request: RequestDescription
  /** As the provider answered. */
  readonly body: string
  /** What is new in it, by the provider's time. */
  readonly news: readonly ParsedEvent[]
}

export interface Reader {
  /** Those that the log does not know yet. */
  readonly newsOf: (events: readonly ParsedEvent[]) => Promise<readonly ParsedEvent[]>
  /** Pages in order, oldest first. */
  readonly take: (pages: readonly Page[]) => Promise<void>
}

export interface Pages {
  /** Reads all pages since a time. false = the provider broke off, or an attachment's list could not be read. */
  read(target: ProviderAccount, since: number, reader: Reader): Promise<boolean>
}

export interface PagesOptions {
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly logger: Logger
  readonly signal: AbortSignal
}

const TIMEOUT_MS = 30_000
const PAGE_BYTES_MAX = 7 * 1_048_576
/** Pages of one list in one round. */
const PAGES_MAX = 1000
/** Pages put in order together: 20,000 messages of Twilio's. Beyond it what is held is handed out first. */
const HELD_MAX = 20

const timeOf = (event: ParsedEvent): number => (event.kind === 'message' ? (event.providerAt ?? 0) : 0)
/** Times are whole seconds: of two alike the one listed later is the older, unless the list runs the other way. */
const oldestFirst = <T>(listed: readonly T[], of: (item: T) => number): T[] => {
  const [first, last] = [listed[0], listed.at(-1)]
  const isOldestFirst = first !== undefined && last !== undefined && of(first) < of(last)
  return (isOldestFirst ? listed : listed.toReversed()).toSorted((a, b) => of(a) - of(b))
}
const startOf = ({ news }: Page): number => (news[0] === undefined ? 0 : timeOf(news[0]))

type Backfill = NonNullable<ProviderAccount['provider']['backfill']>
interface Source {
  readonly target: ProviderAccount
  readonly backfill: Backfill
  readonly reader: Reader
}
interface ReadPage extends Page {
  readonly isWhole: boolean
  readonly next: RequestDescription | null
}

class ProviderPages implements Pages {
  readonly #options: PagesOptions

  constructor(options: PagesOptions) {
    this.#options = options
  }

  async read(target: ProviderAccount, since: number, reader: Reader): Promise<boolean> {
    const { backfill } = target.provider
    if (backfill === null) return true
    const { account, credentials, apiUrl } = target
    // Behind a messaging service stand numbers that no account of ours names.
    const accountAddress = account.options['messagingServiceSid'] ?? account.externalId
    let isWhole = true
    for (const request of backfill.requests({ credentials, apiUrl, accountAddress, since }))
      isWhole = (await this.#list({ target, backfill, reader }, request)) && isWhole
    return isWhole
  }

  async #list(source: Source, first: RequestDescription): Promise<boolean> {
    let held: ReadPage[] = []
    const handOut = async (): Promise<void> => {
      const pages = oldestFirst(
        held.filter(({ news }) => news.length > 0),
        startOf,
      )
      held = []
      await source.reader.take(pages)
    }
    let isWhole = true
    let request: RequestDescription | null = first
    for (let count = 0; request !== null && !this.#options.signal.aborted; count++) {
      const page: ReadPage | null = count < PAGES_MAX ? await this.#page(source, request) : null
      if (page === null) {
        isWhole = false
        break
      }
      isWhole &&= page.isWhole
      held.push(page)
      if (held.length >= HELD_MAX) await handOut()
      request = page.next
    }
    await handOut()
    return isWhole && !this.#options.signal.aborted
  }

  async #page({ target, backfill, reader }: Source, request: RequestDescription): Promise<ReadPage | null> {
    const { status, body } = await this.#get(request)
    const parsed = status === 200 ? backfill.parse(body, target) : null
    if (parsed === null) return null
    const news: (ParsedEvent | null)[] = [...(await reader.newsOf(parsed.events))]
    for (const { index, request: media } of parsed.mediaRequests) {
      const event = parsed.events[index]
      const at = event === undefined ? -1 : news.indexOf(event)
      if (event === undefined || at === -1) continue
      const answer = await this.#get(media)
      // Deleted at the provider: the message comes without. Else it waits for a round that can read the list.
      if (answer.status !== 404) news[at] = answer.status === 200 ? backfill.withMedia(event, answer.body, target) : null
    }
    const read = news.filter((event) => event !== null)
    return { request, body, news: oldestFirst(read, timeOf), isWhole: read.length === news.length, next: parsed.next }
  }

  /** Status 0 = no whole answer. */
  async #get(request: RequestDescription): Promise<{ readonly status: number; readonly body: string }> {
    const { outgoing, logger, signal } = this.#options
    try {
      const limits = { timeoutMs: TIMEOUT_MS, responseBytesMax: PAGE_BYTES_MAX }
      const answer = await outgoing.request({ ...request, ...limits, isToProvider: true, signal })
      return { status: answer.status, body: answer.body.toString('utf8') }
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'list not read')
      return { status: 0, body: '' }
    }
  }
}

export const openPages = (options: PagesOptions): Pages => new ProviderPages(options)
