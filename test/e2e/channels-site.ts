// A whole server with accounts of every channel, against a Graph API and a connector that keep what they are sent.
// For the end-to-end tests of channels: webhooks go in signed, what leaves is judged by what the fakes have created.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Conversation, EventShape, Message } from '#schemas'
import { FakeGraph, textIn, type GraphCreate } from '../../src/cli/fakes/graph.ts'
import {
  pageEntries,
  pageText,
  signedByConnector,
  signedByMeta,
  whatsappChange,
  whatsappText,
  type SignedWebhook,
} from '../../src/cli/fakes/webhooks.ts'
import { freePort, removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../harness.ts'

export const APP_ID = '900100'
export const APP_SECRET = 'app-secret'
export const PAGE = '101'
export const INSTAGRAM = '178401'
export const NUMBER = '106540352242922'
const VERIFY_TOKEN = 'a word of ours'

interface Account {
  readonly id: string
  readonly ingestUrl: string
  readonly secret?: string
  readonly trouble?: { readonly what: string } | null
}

/** A connector's `sendUrl`: answers ids, remembers bodies. */
class FakeConnector {
  readonly bodies: { readonly headers: Readonly<Record<string, unknown>>; readonly body: Record<string, unknown> }[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        this.bodies.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> })
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: `c-${this.bodies.length}` }))
      })
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/send`
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

const credentials = { appId: APP_ID, appSecret: APP_SECRET, verifyToken: VERIFY_TOKEN, accessToken: 'token' }

export class ChannelsSite {
  readonly graph: FakeGraph
  readonly connector: FakeConnector
  readonly server: RunningServer
  readonly accounts: Readonly<Record<'messenger' | 'instagram' | 'whatsapp' | 'custom', Account>>
  #mids = 0

  private constructor(parts: Pick<ChannelsSite, 'graph' | 'connector' | 'server' | 'accounts'>) {
    this.graph = parts.graph
    this.connector = parts.connector
    this.server = parts.server
    this.accounts = parts.accounts
  }

  static async open(context: Pick<TestContext, 'after'>): Promise<ChannelsSite> {
    const [graph, connector] = [new FakeGraph(), new FakeConnector()]
    const sendUrl = await connector.listen()
    const environment = { CONFAB_GRAPH_API_URL: await graph.listen(), CONFAB_EGRESS_ALLOW: '127.0.0.0/8' }
    const server = await startServer({ dataDirectory: await temporaryDirectory(), port: await freePort(), environment })
    context.after(async () => {
      await server.stop()
      await Promise.all([graph.close(), connector.close()])
      await removeDirectory(server.dataDirectory)
    })
    const make = (body: object): Promise<Account> => server.api<Account>('/v1/accounts', { body })
    const accounts = {
      messenger: await make({ channel: 'messenger', name: 'Page', externalId: PAGE, credentials }),
      instagram: await make({ channel: 'instagram', name: 'Instagram', externalId: INSTAGRAM, credentials }),
      whatsapp: await make({ channel: 'whatsapp', name: 'Number', externalId: NUMBER, credentials, options: { wabaId: '77' } }),
      custom: await make({ channel: 'custom', name: 'Connector', externalId: 'board', options: { sendUrl, reactions: 'on', edits: 'on' } }),
    }
    return new ChannelsSite({ graph, connector, server, accounts })
  }

  mid(name = 'in'): string {
    return `m_${name}_${++this.#mids}`
  }

  async post(channel: keyof ChannelsSite['accounts'], { headers, body }: SignedWebhook): Promise<number> {
    const path = new URL(this.accounts[channel].ingestUrl).pathname
    const answer = await fetch(`${this.server.url}${path}`, { method: 'POST', headers, body })
    await answer.arrayBuffer()
    return answer.status
  }

  async items(channel: 'messenger' | 'instagram', ...items: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const isPage = channel === 'messenger'
    const body = pageEntries(isPage ? 'page' : 'instagram', isPage ? PAGE : INSTAGRAM, items, Date.now())
    assert.equal(await this.post(channel, signedByMeta(body, APP_SECRET)), 200)
  }

  async change(value: Readonly<Record<string, unknown>>, field?: string): Promise<void> {
    assert.equal(await this.post('whatsapp', signedByMeta(whatsappChange(NUMBER, value, field), APP_SECRET)), 200)
  }

  async connected(body: object): Promise<void> {
    const secret = this.accounts.custom.secret ?? assert.fail('no secret')
    assert.equal(await this.post('custom', signedByConnector(body, { secret, id: this.mid('hook'), at: Date.now() })), 200)
  }

  /** A text of a person on a channel; answers the provider's id of it. */
  async say(channel: keyof ChannelsSite['accounts'], from: string, text: string): Promise<string> {
    const mid = this.mid()
    const at = Date.now()
    if (channel === 'whatsapp') await this.change(whatsappText({ from, id: mid, text, at }))
    else if (channel === 'custom') await this.connected({ messages: [{ id: mid, from, at, content: { kind: 'text', text } }] })
    else await this.items(channel, pageText({ accountId: channel === 'messenger' ? PAGE : INSTAGRAM, from, mid, text, at }))
    return mid
  }

  api<T>(path: string, body?: unknown): Promise<T> {
    return this.server.api<T>(path, body === undefined ? {} : { body })
  }

  async conversations(): Promise<Conversation[]> {
    return (await this.api<{ items: Conversation[] }>('/v1/conversations?limit=100')).items
  }

  conversation(address: string): Promise<Conversation> {
    return until(`a conversation with ${address}`, async () =>
      (await this.conversations()).find(({ contact }) => contact.address === address),
    )
  }

  async begin(channel: keyof ChannelsSite['accounts'], from: string): Promise<Conversation> {
    await this.say(channel, from, `hello from ${from}`)
    return this.conversation(from)
  }

  async messages(conversationId: string): Promise<Message[]> {
    return (await this.api<{ items: Message[] }>(`/v1/conversations/${conversationId}/messages?limit=100`)).items
  }

  async message(conversationId: string, messageId: string): Promise<Message> {
    return (await this.messages(conversationId)).find(({ id }) => id === messageId) ?? assert.fail('no such message')
  }

  async reply(conversationId: string, body: string | object): Promise<string> {
    const said = typeof body === 'string' ? { text: body } : body
    return (await this.api<{ messageId: string }>(`/v1/conversations/${conversationId}/messages`, said)).messageId
  }

  reaches(conversationId: string, messageId: string, state: string): Promise<Message> {
    return until(`${messageId} is ${state}`, async () => {
      const message = await this.message(conversationId, messageId)
      return message.send?.state === state && message
    })
  }

  created(text: string): Promise<GraphCreate> {
    return until(`a create of ${text}`, () => this.graph.creates.find((create) => textIn(create) === text))
  }

  async events(conversationId: string): Promise<EventShape[]> {
    return (await this.api<{ items: EventShape[] }>(`/v1/conversations/${conversationId}/events?limit=100`)).items
  }
}
