// Fakes of Twilio's message list and of a connector's `sendUrl`: they take messages, answer ids, and report what became of them.
// Between `confab fake` and a Confab whose settings point here; what they were sent is counted, never shown.

import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { callBack, latency, mishapOf, type Faults } from './faults.ts'
import { signedByConnector, signedByTwilio, type SignedWebhook } from './webhooks.ts'

export interface Receiver {
  readonly server: Server
  /** Messages that were taken. */
  count(): number
}

export type Post = (url: string, webhook: SignedWebhook) => Promise<unknown>

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const answer = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** Takes one message with the mishaps of a provider; `accept` answers what is sent back and what is called afterwards. */
const take = async (
  faults: Faults,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  accept: () => { status: number; body: object; callbacks: readonly (() => Promise<unknown>)[] },
): Promise<boolean> => {
  await latency(faults)
  const mishap = mishapOf(faults)
  if (mishap === 'throttled') {
    answer(response, 429, { code: 20429, error: 'slower' }, { 'retry-after': '1' })
    return false
  }
  const { status, body, callbacks } = accept()
  if (mishap === 'dropped') request.socket.destroy()
  else if (mishap === 'error') answer(response, 500, {})
  else answer(response, status, body)
  callBack(faults, callbacks).catch(() => undefined)
  return true
}

/** Messages.json of any account: status callbacks are signed with the token that the request's Basic auth shows. */
export const fakeTwilio = (faults: Faults, post: Post): Receiver => {
  let taken = 0
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await bodyOf(request))
    if (request.method !== 'POST') return answer(response, 200, { messages: [], next_page_uri: null })
    const [accountSid = '', authToken = ''] = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':')
    const sid = `SM${randomBytes(16).toString('hex')}`
    const url = (form.get('StatusCallback') ?? '').replace(/#.*$/, '')
    const report = (status: string) => () => {
      const parameters = {
        AccountSid: accountSid,
        MessageSid: sid,
        SmsSid: sid,
        MessageStatus: status,
        From: form.get('From') ?? '',
        To: form.get('To') ?? '',
      }
      return url === '' ? Promise.resolve() : post(url, signedByTwilio(parameters, { url, authToken }))
    }
    const resource = { sid, status: 'queued', body: form.get('Body'), from: form.get('From'), to: form.get('To'), error_code: null }
    const callbacks = ['sent', 'delivered', 'read'].map(report)
    if (await take(faults, { request, response }, () => ({ status: 201, body: resource, callbacks }))) taken += 1
  }
  return { server: createServer((request, response) => void serve(request, response)), count: () => taken }
}

/** A connector that shows every message and has it delivered and read. */
export const fakeConnector = (faults: Faults, post: Post, account: () => { secret: string; ingestUrl: string } | undefined): Receiver => {
  const known = new Map<string, string>()
  let taken = 0
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent = JSON.parse(await bodyOf(request)) as { type?: string; conversation?: { user?: string } }
    const webhookId = String(request.headers['webhook-id'] ?? '')
    const id = known.get(webhookId) ?? `fake-${randomBytes(8).toString('hex')}`
    const to = sent.conversation?.user ?? ''
    const report = (state: string) => async () => {
      const own = account()
      if (own === undefined || sent.type !== 'message.send') return
      const webhook = signedByConnector(
        { receipts: [{ id, to, state }] },
        { secret: own.secret, id: `r_${randomBytes(8).toString('hex')}`, at: Date.now() },
      )
      await post(own.ingestUrl, webhook)
    }
    const isNew = !known.has(webhookId)
    const isTaken = await take(faults, { request, response }, () => {
      known.set(webhookId, id)
      return { status: 200, body: { id }, callbacks: isNew ? ['delivered', 'read'].map(report) : [] }
    })
    if (isTaken && isNew && sent.type === 'message.send') taken += 1
  }
  return { server: createServer((request, response) => void serve(request, response)), count: () => taken }
}
