// A Twilio that keeps messages, misbehaves on command and calls back with genuine signatures.
// For tests of sender, media and backfill: what it has created is the judge of how often something was sent.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import webhooks from 'twilio/lib/webhooks/webhooks.js'

export const ACCOUNT_SID = `AC${'0'.repeat(32)}`
export const AUTH_TOKEN = 'c0ffee'

const BASIC = `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`

export interface FakeMessage {
  readonly sid: string
  readonly form: URLSearchParams
  readonly createdAt: number
  direction: string
  status: string
  media?: readonly { readonly sid: string; readonly contentType: string; readonly bytes: Buffer }[]
}

/** What the next create meets: an answer, or a way to break off before or after accepting. */
export type Behaviour =
  | { readonly kind: 'accept' }
  | { readonly kind: 'answer'; readonly status: number; readonly code?: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'accept-then-drop' | 'accept-then-500' | 'drop' | 'accept-then-hang' }
  /** Accepts at once and answers once `until` resolves. */
  | { readonly kind: 'accept-slowly'; readonly until: Promise<unknown> }

export interface Callback {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export class FakeTwilio {
  readonly messages: FakeMessage[] = []
  readonly requests: { method: string; path: string; authorization: string | undefined; body: string }[] = []
  readonly behaviours: Behaviour[] = []
  readonly #listRefusals: { readonly path: RegExp; readonly status: number }[] = []
  readonly #server: Server
  readonly #clock: () => number
  #next = 1

  constructor(clock: () => number) {
    this.#clock = clock
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this.url
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get creates(): number {
    return this.messages.filter(({ direction }) => direction !== 'inbound').length
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  /** How often a text was created. */
  countOf(text: string): number {
    return this.messages.filter(({ form, direction }) => direction !== 'inbound' && form.get('Body') === text).length
  }

  /** The next GET of such a path is refused once with the status; several queue. */
  refuseList(path: RegExp, ...statuses: number[]): void {
    for (const status of statuses) this.#listRefusals.push({ path, status })
  }

  receive(fields: Record<string, string>, media?: FakeMessage['media']): FakeMessage {
    const message = {
      sid: this.#sid(),
      form: new URLSearchParams(fields),
      createdAt: this.#clock(),
      direction: 'inbound',
      status: 'received',
      ...(media === undefined ? {} : { media }),
    }
    this.messages.push(message)
    return message
  }

  /** The status callback of a message, signed as Twilio signs; deliver it often, or in any order. */
  callback(message: FakeMessage, status: string, extra: Record<string, string> = {}): Callback {
    const url = (message.form.get('StatusCallback') ?? '').split('#', 1)[0] ?? ''
    const fields = {
      AccountSid: ACCOUNT_SID,
      MessageSid: message.sid,
      SmsSid: message.sid,
      MessageStatus: status,
      From: message.form.get('From') ?? '',
      To: message.form.get('To') ?? '',
      ...extra,
    }
    return this.#signed(url, fields)
  }

  /** The webhook of a message that it has received, for an ingest URL as an account shows it. */
  webhook({ sid, form, media = [] }: FakeMessage, ingestUrl: string, extra: Record<string, string> = {}): Callback {
    const url = ingestUrl.split('#', 1)[0] ?? ''
    const files = media.flatMap(({ sid: file, contentType }, index) => [
      [`MediaUrl${index}`, `${this.url}/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${sid}/Media/${file}`],
      [`MediaContentType${index}`, contentType],
    ])
    const fields: Record<string, string> = {
      AccountSid: ACCOUNT_SID,
      MessageSid: sid,
      SmsSid: sid,
      SmsStatus: 'received',
      ...Object.fromEntries([...form, ['NumMedia', String(media.length)], ...files]),
      ...extra,
    }
    return this.#signed(url, fields)
  }

  #signed(url: string, fields: Record<string, string>): Callback {
    const signature = webhooks.getExpectedTwilioSignature(AUTH_TOKEN, url, fields)
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
    return { url, headers, body: new URLSearchParams(fields).toString() }
  }

  #sid(): string {
    return `SM${String(this.#next++).padStart(32, '0')}`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const url = new URL(request.url ?? '/', 'http://fake')
    this.requests.push({ method: request.method ?? '', path: url.pathname, authorization: request.headers.authorization, body })
    if (request.method === 'POST') return this.#create(new URLSearchParams(body), request, response)
    const refusal = this.#listRefusals.findIndex(({ path }) => path.test(url.pathname))
    if (refusal !== -1) return void response.writeHead(this.#listRefusals.splice(refusal, 1)[0]?.status ?? 500).end('{}')
    if (url.pathname.endsWith('/Messages.json')) return this.#list(url, response)
    return this.#media(url, request, response)
  }

  #create(form: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const behaviour = this.behaviours.shift() ?? { kind: 'accept' }
    if (behaviour.kind === 'drop') return void request.socket.destroy()
    if (behaviour.kind === 'answer') {
      const error = { code: behaviour.code ?? behaviour.status, message: 'refused', status: behaviour.status }
      return void response
        .writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers })
        .end(JSON.stringify(error))
    }
    const message = { sid: this.#sid(), form, createdAt: this.#clock(), direction: 'outbound-api', status: 'queued' }
    this.messages.push(message)
    if (behaviour.kind === 'accept-then-drop') return void request.socket.destroy()
    if (behaviour.kind === 'accept-then-hang') return
    if (behaviour.kind === 'accept-then-500') return void response.writeHead(500).end('{}')
    const answer = (): void =>
      void response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(this.#resource(message)))
    if (behaviour.kind === 'accept-slowly') void behaviour.until.then(answer, answer)
    else answer()
  }

  #resource(message: FakeMessage): object {
    const { sid, form, createdAt, direction, status } = message
    const base = `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${sid}`
    const at = new Date(createdAt).toUTCString()
    return {
      sid,
      direction,
      status,
      body: form.get('Body') ?? '',
      from: form.get('From'),
      to: form.get('To'),
      date_created: at,
      date_sent: direction === 'inbound' ? at : null,
      num_media: String(message.media?.length ?? 0),
      error_code: null,
      messaging_service_sid: null,
      subresource_uris: { media: `${base}/Media.json` },
      uri: `${base}.json`,
    }
  }

  #list(url: URL, response: ServerResponse): void {
    const [to, from, page] = [url.searchParams.get('To'), url.searchParams.get('From'), Number(url.searchParams.get('Page') ?? 0)]
    const size = Math.min(Number(url.searchParams.get('PageSize') ?? 50), 3)
    // Newest first, as Twilio lists.
    const matching = this.messages
      .filter(({ form }) => (to === null || form.get('To') === to) && (from === null || form.get('From') === from))
      .toReversed()
    const next = new URLSearchParams(url.searchParams)
    next.set('Page', String(page + 1))
    const hasNext = matching.length > (page + 1) * size
    const answer = {
      messages: matching.slice(page * size, (page + 1) * size).map((message) => this.#resource(message)),
      next_page_uri: hasNext ? `${url.pathname}?${next.toString()}` : null,
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  #media(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const message = this.messages.find(({ sid }) => url.pathname.includes(sid))
    if (url.pathname.endsWith('/Media.json')) {
      const list = (message?.media ?? []).map(({ sid, contentType }) => ({
        sid,
        content_type: contentType,
        uri: `${url.pathname.replace(/\.json$/, '')}/${sid}.json`,
      }))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ media_list: list }))
    }
    if (request.headers.authorization !== BASIC) return void response.writeHead(401).end()
    const media = message?.media?.find(({ sid }) => url.pathname.endsWith(sid))
    if (media === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': media.contentType }).end(media.bytes)
  }
}
