// A whole server with one Twilio number, against a Twilio that keeps messages and misbehaves; asked as its owner would.
// For the end-to-end tests of the channel: webhooks go in signed, what leaves is judged by what the fake has created.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import WebSocket from 'ws'
import type { Conversation, EventShape, Message, ServerFrame } from '#schemas'
import { ACCOUNT_SID, AUTH_TOKEN, FakeTwilio, type Callback, type FakeMessage } from '../effects/fake-twilio.ts'
import { freePort, removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../harness.ts'

/** What Twilio signs; requests go to the server's own address all the same. */
export const PUBLIC_URL = 'https://confab.test'
export const NUMBER = '+15550100'

interface Account {
  readonly id: string
  readonly ingestUrl: string
}
export interface Problem {
  readonly status: number
  readonly code: string
}

export class TwilioSite {
  readonly twilio: FakeTwilio
  readonly account: Account
  readonly #environment: Readonly<Record<string, string>>
  readonly #dataDirectory: string
  readonly #port: number
  #server: RunningServer

  private constructor(
    server: RunningServer,
    { twilio, account, environment }: { twilio: FakeTwilio; account: Account; environment: Readonly<Record<string, string>> },
  ) {
    this.#server = server
    this.#dataDirectory = server.dataDirectory
    this.#port = server.port
    this.#environment = environment
    this.twilio = twilio
    this.account = account
  }

  /** `account` adds to the body of POST /v1/accounts. */
  static async open(
    context: Pick<TestContext, 'after'>,
    options: { readonly account?: object; readonly environment?: Readonly<Record<string, string>> } = {},
  ): Promise<TwilioSite> {
    const twilio = new FakeTwilio(Date.now)
    const apiUrl = await twilio.listen()
    const environment = { CONFAB_TWILIO_API_URL: apiUrl, CONFAB_PUBLIC_URL: PUBLIC_URL, ...options.environment }
    const server = await startServer({ dataDirectory: await temporaryDirectory(), port: await freePort(), environment })
    const credentials = { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN }
    const body = { channel: 'twilio', name: 'Support', externalId: NUMBER, credentials, ...options.account }
    const account = await server.api<Account>('/v1/accounts', { body })
    const site = new TwilioSite(server, { twilio, account, environment })
    context.after(() => site.close())
    return site
  }

  get server(): RunningServer {
    return this.#server
  }

  api<T>(path: string, body?: unknown): Promise<T> {
    return this.#server.api<T>(path, body === undefined ? {} : { body })
  }

  /** The problem with which the API refuses. */
  async refusal(path: string, body: unknown): Promise<Problem> {
    const authorization = `Bearer ${await this.#server.token()}`
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(`${this.#server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    assert.ok(!answer.ok, 'accepted')
    return (await answer.json()) as Problem
  }

  /** A request of Twilio's, to where the server listens; answers the status, 0 where nobody does. */
  async deliver({ url, headers, body }: Callback): Promise<number> {
    assert.ok(url.startsWith(PUBLIC_URL), url)
    try {
      const answer = await fetch(url.replace(PUBLIC_URL, this.#server.url), { method: 'POST', headers, body })
      await answer.arrayBuffer()
      return answer.status
    } catch {
      return 0
    }
  }

  /** A text that Twilio receives, and its webhook. */
  async receive(from: string, text: string, extra: Record<string, string> = {}): Promise<FakeMessage> {
    const message = this.twilio.receive({ From: from, To: NUMBER, Body: text, ...extra })
    assert.equal(await this.deliver(this.twilio.webhook(message, this.account.ingestUrl)), 200)
    return message
  }

  async status(message: FakeMessage, status: string, extra: Record<string, string> = {}): Promise<void> {
    assert.equal(await this.deliver(this.twilio.callback(message, status, extra)), 200)
  }

  async conversations(): Promise<Conversation[]> {
    return (await this.api<{ items: Conversation[] }>('/v1/conversations?limit=100')).items
  }

  /** The conversation with an address, once it is listed. */
  conversation(address: string): Promise<Conversation> {
    return until(`a conversation with ${address}`, async () =>
      (await this.conversations()).find(({ contact }) => contact.address === address),
    )
  }

  async messages(conversationId: string): Promise<Message[]> {
    return (await this.api<{ items: Message[] }>(`/v1/conversations/${conversationId}/messages?limit=100`)).items
  }

  async message(conversationId: string, messageId: string): Promise<Message> {
    const found = (await this.messages(conversationId)).find(({ id }) => id === messageId)
    return found ?? assert.fail('no such message')
  }

  /** A new conversation, begun by the contact. */
  async begin(from: string): Promise<Conversation> {
    await this.receive(from, `hello from ${from}`)
    return this.conversation(from)
  }

  /** Sends as an agent; answers the id of the message. */
  async reply(conversationId: string, text: string): Promise<string> {
    return (await this.api<{ messageId: string }>(`/v1/conversations/${conversationId}/messages`, { text })).messageId
  }

  /** Waits until the message's send is in the state. */
  reaches(conversationId: string, messageId: string, state: string): Promise<Message> {
    return until(`${messageId} is ${state}`, async () => {
      const message = await this.message(conversationId, messageId)
      return message.send?.state === state && message
    })
  }

  /** What Twilio has created with the text; waits for it. */
  created(text: string): Promise<FakeMessage> {
    return until(`a create of ${text}`, () =>
      this.twilio.messages.find(({ form, direction }) => direction !== 'inbound' && form.get('Body') === text),
    )
  }

  /** Events of a conversation, in order. */
  async events(conversationId: string): Promise<EventShape[]> {
    return (await this.api<{ items: EventShape[] }>(`/v1/conversations/${conversationId}/events?limit=100`)).items
  }

  /** Starts the server again over the same data, under the same address. */
  async start(): Promise<void> {
    this.#server = await startServer({ dataDirectory: this.#dataDirectory, port: this.#port, environment: this.#environment })
  }

  async close(): Promise<void> {
    await this.#server.stop()
    await this.twilio.close()
    await removeDirectory(this.#dataDirectory)
  }
}

/** Every event that a socket with the scope `all` is pushed from now on. */
export const listen = async (context: Pick<TestContext, 'after'>, server: RunningServer): Promise<EventShape[]> => {
  const events: EventShape[] = []
  const token = await server.token()
  const socket = new WebSocket(`${server.url.replace(/^http/, 'ws')}/v1/socket`, 'confab.v1')
  context.after(() => socket.terminate())
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const subscriptions = [{ id: 'all', scope: { all: true }, from: 'latest' }]
  socket.on('open', () => socket.send(JSON.stringify({ frame: 'hello', token, subscriptions })))
  socket.on('error', reject)
  socket.on('close', (code, reason) => reject(new Error(`the socket closed: ${code} ${reason.toString('utf8')}`)))
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString('utf8')) as ServerFrame
    if (frame.frame === 'event') events.push(frame.event)
    if (frame.frame === 'subscribed') resolve()
    if (frame.frame === 'error') reject(new Error(frame.code))
  })
  await promise
  return events
}
