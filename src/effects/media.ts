// Carries `fetch` effects: brings inbound files home while the provider still has them.
// Between a message that already stands in the thread and the file store; the message never waits for its files.

import type { Carrier, OpenEffect } from './outbox.ts'
import type { Outgoing } from './http.ts'
import { backoffMs, reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { isProviders, providerAccountOf, type AttemptOptions, type ProviderAccount } from './sender-attempt.ts'
import type { Scan } from './scan.ts'
import type { Uploads } from './uploads.ts'
import { hasCode } from '#errors'
import { derivePlain, type Attachment, type EffectFetch } from '#schemas/log'

export interface MediaOptions extends Pick<AttemptOptions, 'settings' | 'credentialsOf' | 'apiUrlOf'> {
  readonly outgoing: Pick<Outgoing, 'stream' | 'request'>
  readonly uploads: Pick<Uploads, 'store' | 'open' | 'remove'>
  /** Judges stored bytes before anybody is shown them; absent = all are taken as clean. */
  readonly scan?: Scan
  readonly reports: Reports
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
  /** CONFAB_ATTACHMENT_BYTES_MAX. */
  readonly sizeBytesMax: number
}

export interface Media extends Carrier {
  close(): Promise<void>
}

/** Downloads at once; what is beyond waits, since the outbox keeps it. */
const PARALLEL_MAX = 8
/** About ten minutes in all: providers keep media, so an outage of theirs is waited out. */
const TRIES_MAX = 10
const BACKOFF = { firstMs: 2000, maxMs: 120_000 } as const
const TIMEOUT_MS = 60_000
const REDIRECTS_MAX = 3
const LOCATE_TIMEOUT_MS = 15_000
const LOCATE_BYTES_MAX = 65_536

interface Place {
  readonly url: string
  /** What the bytes must have; null = not told. */
  readonly sha256: string | null
}

/** Shared by no two contacts: the same picture sent twice is stored twice, so erasing one takes nothing from the other. */
export const inboundFileId = ({ messageId, index }: Pick<EffectFetch, 'messageId' | 'index'>): string =>
  derivePlain('file', [messageId, index])

const fileNameOf = (disposition: string | undefined): string | null => {
  const name = /filename="([^"\\/\r\n]{1,200})"/i.exec(disposition ?? '')?.[1]
  return name === undefined || name.trim() === '' ? null : name.trim()
}

const unfetched = (effect: EffectFetch, state: 'failed' | 'blocked'): Attachment => ({
  kind: 'file',
  fileId: null,
  state,
  sourceUrl: effect.url,
  name: null,
  contentType: 'application/octet-stream',
  sizeBytes: null,
  sha256: null,
})

interface Entry {
  readonly partition: number
  readonly effect: EffectFetch
  tries: number
}

class MediaCarrier implements Media {
  readonly types = ['fetch'] as const
  readonly #options: MediaOptions
  readonly #open = new Map<string, Entry>()
  readonly #waiting: string[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #downloads = 0

  constructor(options: MediaOptions) {
    this.#options = options
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'fetch' || this.#open.has(effect.key)) return
    this.#open.set(effect.key, { partition: effect.partition, effect: effect.value, tries: 0 })
    this.#waiting.push(effect.key)
    this.#pump()
  }

  end(_partition: number, key: string): void {
    this.#open.delete(key)
  }

  release(partition: number): void {
    for (const [key, entry] of this.#open) if (entry.partition === partition) this.#open.delete(key)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  #pump(): void {
    while (this.#downloads < PARALLEL_MAX && !this.#stop.signal.aborted) {
      const key = this.#waiting.shift()
      if (key === undefined) return
      const entry = this.#open.get(key)
      if (entry === undefined) continue
      this.#downloads += 1
      const work: Promise<void> = this.#try(key, entry)
        .catch((error: unknown) =>
          this.#options.logger.error(
            { messageId: entry.effect.messageId, index: entry.effect.index, err: error },
            'attachment not reported',
          ),
        )
        .finally(() => this.#running.delete(work))
      this.#running.add(work)
    }
  }

  /** One download; a failed one waits outside the few that run, so that it holds up nobody else's. */
  async #try(key: string, entry: Entry): Promise<void> {
    const { clock, random, wait } = this.#options
    const { signal } = this.#stop
    entry.tries += 1
    const result = await this.#fetch(entry.effect).finally(() => {
      this.#downloads -= 1
      this.#pump()
    })
    if (result !== 'again') return this.#report(entry.effect, result)
    if (signal.aborted) return
    if (entry.tries >= TRIES_MAX) return this.#report(entry.effect, unfetched(entry.effect, 'failed'))
    await wait(clock() + backoffMs(entry.tries, BACKOFF, random), signal)
    this.#waiting.push(key)
    this.#pump()
  }

  async #report(effect: EffectFetch, attachment: Attachment): Promise<void> {
    const { clock, reports } = this.#options
    const { messageId, index, conversationId } = effect
    const data = { messageId, index, attachment }
    await reports.post(
      [
        reportOf(effect, {
          actor: { kind: 'conversation', id: conversationId },
          type: 'attachment.report',
          parts: [attachment.state],
          at: clock(),
          data,
        }),
      ],
      this.#stop.signal,
    )
  }

  async #fetch(effect: EffectFetch): Promise<Attachment | 'again'> {
    const target = providerAccountOf(this.#options, effect.accountId)
    if (target === undefined) return unfetched(effect, 'blocked')
    try {
      const place = await this.#locate(effect, target)
      if (place === 'again' || place === 'gone') return place === 'again' ? place : unfetched(effect, 'failed')
      const url = URL.parse(place.url)
      if (url === null || !isMediaUrl(url, target)) return unfetched(effect, 'blocked')
      const answer = await this.#options.outgoing.stream({
        method: 'GET',
        url: url.href,
        headers: target.provider.mediaHeaders(target.credentials),
        timeoutMs: TIMEOUT_MS,
        responseBytesMax: this.#options.sizeBytesMax,
        isToProvider: isProviders(target.account),
        redirects: { max: REDIRECTS_MAX, mayVisit: (next) => isMediaUrl(next, target) },
        signal: this.#stop.signal,
      })
      if (answer.status !== 200) {
        // Read to its end, so that the connection is free again.
        for await (const chunk of answer.body) void chunk
        return answer.status === 410 ? unfetched(effect, 'failed') : 'again'
      }
      const stored = await this.#store(effect, answer)
      if (place.sha256 !== null && stored.sha256 !== place.sha256) return await this.#discard(stored, 'again')
      return await this.#judge(effect, stored)
    } catch (error) {
      this.#options.logger.warn({ messageId: effect.messageId, index: effect.index, err: error }, 'attachment not fetched')
      if (hasCode(error, 'egress_refused')) return unfetched(effect, 'blocked')
      return hasCode(error, 'file_too_large', 'file_empty') || isTooLarge(error) ? unfetched(effect, 'failed') : 'again'
    }
  }

  /** Where it lies: as the event says, or as the provider says who is asked just now. */
  async #locate({ url }: EffectFetch, target: ProviderAccount): Promise<Place | 'again' | 'gone'> {
    const { provider } = target
    const request = provider.media?.request(url, target) ?? null
    if (provider.media === undefined || request === null) return { url, sha256: null }
    const answer = await this.#options.outgoing.request({
      ...request,
      timeoutMs: LOCATE_TIMEOUT_MS,
      responseBytesMax: LOCATE_BYTES_MAX,
      isToProvider: isProviders(target.account),
      signal: this.#stop.signal,
    })
    if (answer.status === 429 || answer.status === 408 || answer.status >= 500) return 'again'
    return provider.media.parse({ status: answer.status, body: answer.body.toString('utf8') }, target) ?? 'gone'
  }

  async #judge(effect: EffectFetch, stored: Attachment & { fileId: string }): Promise<Attachment | 'again'> {
    const { scan, uploads } = this.#options
    if (scan === undefined) return stored
    const file = await uploads.open(effect.organizationId, stored.fileId)
    const verdict = file === null ? 'unjudged' : await scan(file.bytes, this.#stop.signal)
    if (verdict === 'clean') return stored
    return this.#discard(stored, verdict === 'infected' ? unfetched(effect, 'blocked') : 'again')
  }

  async #discard<T>({ fileId }: { readonly fileId: string }, then: T): Promise<T> {
    await this.#options.uploads.remove(fileId)
    return then
  }

  async #store(
    effect: EffectFetch,
    answer: { readonly headers: Readonly<Record<string, string>>; readonly body: AsyncIterable<Uint8Array> },
  ): Promise<Attachment & { fileId: string }> {
    const stored = await this.#options.uploads.store({
      organizationId: effect.organizationId,
      ownerId: effect.conversationId,
      fileId: inboundFileId(effect),
      bytes: answer.body,
      bytesMax: this.#options.sizeBytesMax,
      contentType: answer.headers['content-type'] ?? '',
      name: fileNameOf(answer.headers['content-disposition']),
    })
    return { ...stored, sourceUrl: effect.url }
  }
}

const isTooLarge = (error: unknown): boolean =>
  hasCode(error, 'request_cut_off') && (error as { fields?: Record<string, unknown> }).fields?.['reason'] === 'response_too_large'

/** The provider's own hosts, and the API as the operator configured it. */
const isMediaUrl = (url: URL, { provider, apiUrl }: ProviderAccount): boolean =>
  url.origin === URL.parse(apiUrl)?.origin || provider.isMediaHost(url.hostname)

export const openMedia = (options: MediaOptions): Media => new MediaCarrier(options)
