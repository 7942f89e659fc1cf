// A Graph API that keeps what it is sent: Messenger, Instagram and WhatsApp, with faults on demand.
// Between `confab fake` and the end-to-end tests, and a Confab whose CONFAB_GRAPH_API_URL points here.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface GraphCreate {
  readonly id: string
  /** The account that sends: what stands in the path, `me` for Instagram. */
  readonly path: string
  readonly channel: 'page' | 'whatsapp'
  readonly to: string
  /** The message object, or WhatsApp's whole body. */
  readonly message: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
}

/** What the next create meets. */
export type GraphBehaviour =
  | { readonly kind: 'accept' | 'accept-then-drop' | 'accept-then-500' | 'drop' }
  | { readonly kind: 'answer'; readonly status: number; readonly code: number; readonly subcode?: number }
  /** Accepts at once and answers once `until` resolves. */
  | { readonly kind: 'accept-slowly'; readonly until: Promise<unknown> }

interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const inner = (value: Json, name: string): Json => (isObject(value[name]) ? value[name] : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const parsed = (text: string): Json => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

/** Requests of which a fake remembers the newest. */
const REMEMBERED_MAX = 100_000

export class FakeGraph {
  readonly creates: GraphCreate[] = []
  /** Signals: read marks, typing, reactions. */
  readonly signals: Asked[] = []
  readonly requests: Asked[] = []
  readonly behaviours: GraphBehaviour[] = []
  readonly files = new Map<string, { readonly bytes: Buffer; readonly contentType: string }>()
  /** Draws the behaviour of a create where none is queued. */
  draw: () => GraphBehaviour = () => ({ kind: 'accept' })
  /** Called once a message exists, before its answer. */
  onCreate: (create: GraphCreate) => void = () => undefined
  /** As WhatsApp calls a number in its answer. */
  waIdOf: (to: string) => string = (to) => to
  profile: Json = { first_name: 'Ada', last_name: 'Lovelace' }
  templates: readonly Json[] = []
  readonly #server: Server
  #next = 1

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  async listen(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return this.url
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', 'http://fake')
    const [, version = '', ...path] = url.pathname.split('/')
    const asked: Asked = {
      method: request.method ?? '',
      path: path.map(decodeURIComponent).join('/'),
      query: url.searchParams,
      body: parsed(Buffer.concat(chunks).toString()),
    }
    if (this.requests.length < REMEMBERED_MAX) this.requests.push(asked)
    if (version === 'files') return this.#file(asked.path, response)
    if (request.headers.authorization === undefined) return this.#answer(response, 401, errorBody(190))
    if (asked.method === 'POST' && asked.path.endsWith('/messages')) return this.#post(asked, request, response)
    this.#answer(response, 200, asked.method === 'GET' ? this.#look(asked) : { success: true })
  }

  #answer(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #file(id: string, response: ServerResponse): void {
    const file = this.files.get(id)
    if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file.contentType }).end(file.bytes)
  }

  /** What is asked beside sending. */
  #look({ path, query }: Asked): object {
    const file = this.files.get(path)
    if (file !== undefined) {
      const sha256 = createHash('sha256').update(file.bytes).digest('hex')
      return { url: `${this.url}/files/${path}`, mime_type: file.contentType, file_size: file.bytes.length, sha256, id: path }
    }
    if (path.endsWith('/subscribed_apps')) return { data: [] }
    if (path.endsWith('/message_templates')) return { data: this.templates }
    if (path.endsWith('/subscriptions')) return { data: [] }
    if (query.get('fields')?.includes('display_phone_number') === true) return { id: path, status: 'CONNECTED', quality_rating: 'GREEN' }
    return path === 'me' ? { id: '101', name: 'The shop' } : { id: path, ...this.profile }
  }

  #post(asked: Asked, request: IncomingMessage, response: ServerResponse): void {
    const { body } = asked
    if ('sender_action' in body || body['status'] === 'read' || body['type'] === 'reaction') {
      this.signals.push(asked)
      return this.#answer(response, 200, { success: true, messages: [{ id: `wamid.signal${this.signals.length}` }] })
    }
    const behaviour = this.behaviours.shift() ?? this.draw()
    if (behaviour.kind === 'drop') return void request.socket.destroy()
    if (behaviour.kind === 'answer') return this.#answer(response, behaviour.status, errorBody(behaviour.code, behaviour.subcode))
    const create = this.#create(asked)
    const answer = (): void => this.#answer(response, 200, this.#accepted(create))
    if (behaviour.kind === 'accept-then-drop') request.socket.destroy()
    else if (behaviour.kind === 'accept-then-500') response.writeHead(500).end('{}')
    else if (behaviour.kind === 'accept-slowly') void behaviour.until.then(answer, answer)
    else answer()
  }

  #create({ path, body }: Asked): GraphCreate {
    const isWhatsapp = body['messaging_product'] === 'whatsapp'
    const id = `${isWhatsapp ? 'wamid.fake' : 'm_fake'}${this.#next++}`
    const to = isWhatsapp ? textOf(body['to']) || textOf(body['recipient']) : textOf(inner(body, 'recipient')['id'])
    const message = isWhatsapp ? body : inner(body, 'message')
    const create: GraphCreate = { id, path: path.replace(/\/messages$/, ''), channel: isWhatsapp ? 'whatsapp' : 'page', to, message, body }
    this.creates.push(create)
    this.onCreate(create)
    return create
  }

  #accepted({ id, to, channel }: GraphCreate): object {
    if (channel === 'page') return { recipient_id: to, message_id: id }
    return { messaging_product: 'whatsapp', contacts: [{ input: to, wa_id: this.waIdOf(to) }], messages: [{ id }] }
  }
}

const errorBody = (code: number, subcode?: number): object => ({
  error: {
    message: 'A fault on demand',
    type: 'OAuthException',
    code,
    ...(subcode === undefined ? {} : { error_subcode: subcode }),
    fbtrace_id: 'fake',
  },
})

/** The text of a created message, whichever dialect. */
export const textIn = ({ message }: GraphCreate): string => textOf(message['text']) || textOf(inner(message, 'text')['body'])
