// A whole server against Twilio's own OpenAPI file: Prism judges every request that a reply makes, and answers as the file says.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Message } from '#schemas'
import { freePort, removeDirectory, startServer, until, type RunningServer } from '../harness.ts'

const require = createRequire(import.meta.url)
const modules = join(dirname(require.resolve('twilio/package.json')), '..')
const SPECIFICATION = join(modules, '@twilio-alpha/mcp/twilio-oai/spec/json/twilio_api_v2010.json')
const PRISM = join(modules, '@stoplight/prism-cli/dist/index.js')
const credentials = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'token' }

interface Exchange {
  readonly method: string
  readonly body: URLSearchParams
  readonly status: number
  readonly answer: string
}

const forward = async (target: string, request: IncomingMessage): Promise<Exchange> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString('utf8')
  const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers as Record<string, string>
  const method = request.method ?? 'GET'
  const answer = await fetch(`${target}${request.url ?? ''}`, { method, headers, ...(method === 'GET' ? {} : { body }) })
  return { method, body: new URLSearchParams(body), status: answer.status, answer: await answer.text() }
}

describe('replies against Twilio’s specification', () => {
  const exchanges: Exchange[] = []
  let prism: ChildProcess | undefined
  let between: Server | undefined
  let server: RunningServer | undefined
  let accountId = ''
  let environment: Readonly<Record<string, string>> = {}

  /** Prism tells of what it refuses in its answers alone: all pass through here. */
  const listenBetween = async (target: string): Promise<string> => {
    between = createServer((request, response) => {
      forward(target, request).then(
        (exchange) => {
          exchanges.push(exchange)
          response.writeHead(exchange.status, { 'content-type': 'application/json' }).end(exchange.answer)
        },
        () => response.writeHead(502).end(),
      )
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    return `http://127.0.0.1:${(between.address() as AddressInfo).port}`
  }

  before(async () => {
    const port = await freePort()
    const child = spawn(process.execPath, [PRISM, 'mock', SPECIFICATION, '-p', String(port), '-h', '127.0.0.1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    prism = child
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    await until('Prism listens', () => {
      assert.equal(child.exitCode, null, output)
      return output.includes('is listening')
    })
    environment = {
      CONFAB_TWILIO_API_URL: await listenBetween(`http://127.0.0.1:${port}`),
      CONFAB_PUBLIC_URL: 'https://confab.example',
    }
    server = await startServer({ environment })
    const body = { channel: 'twilio', name: 'SMS', externalId: '+15550100', credentials }
    accountId = (await server.api<{ id: string }>('/v1/accounts', { body })).id
  })

  after(async () => {
    await server?.stop()
    between?.closeAllConnections()
    between?.close()
    if (prism?.exitCode === null) {
      prism.kill()
      await once(prism, 'exit')
    }
    if (server !== undefined) await removeDirectory(server.dataDirectory)
  })

  const running = (): RunningServer => server ?? assert.fail('no server')

  /** Starts a conversation with the content; answers its message once its send has ended. */
  const send = async (to: string, content: object): Promise<Message> => {
    const body = { accountId, to, content }
    const { subject, messageId } = await running().api<{ subject: { id: string }; messageId: string }>('/v1/conversations', { body })
    return until('the send has ended', async () => {
      const { items } = await running().api<{ items: Message[] }>(`/v1/conversations/${subject.id}/messages`)
      return items.find(({ id, send: fate }) => id === messageId && fate !== null && fate.state !== 'queued')
    })
  }
  const creates = (): Exchange[] => exchanges.filter(({ method }) => method === 'POST')

  test('a text and a template end as sent, and Prism finds no fault', async () => {
    for (const [to, content] of [
      ['+12025550101', { text: 'Grüße & more: 100 % = “all”' }],
      ['+12025550102', { template: { name: `HX${'0'.repeat(32)}`, parameters: { 1: 'Kim' } } }],
    ] as const) {
      const message = await send(to, content)
      const { status, answer } = creates().at(-1) ?? assert.fail('no create')
      assert.equal(status, 201, answer)
      assert.equal(message.send?.state, 'sent')
    }
    assert.equal(creates()[0]?.body.get('Body'), 'Grüße & more: 100 % = “all”')
    assert.match(creates()[0]?.body.get('StatusCallback') ?? '', /^https:\/\/confab\.example\/v1\/ingest\/twilio\//)
  })

  test('the lists that are read back are asked for as the file says', async () => {
    const { dataDirectory, port } = running()
    await running().stop()
    server = await startServer({ dataDirectory, port, environment })
    const lists = await until('a round', () => {
      const found = exchanges.filter(({ method }) => method === 'GET')
      return found.length > 0 && found
    })
    for (const { status, answer } of lists) assert.equal(status, 200, answer)
  })

  test('a media message has one fault for Prism: it reads no repeated field as an array', async () => {
    const authorization = `Bearer ${await running().token()}`
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    const headers = { authorization, 'content-type': 'image/png' }
    const uploaded = await fetch(`${running().url}/v1/attachments?name=dot.png`, { method: 'POST', headers, body: png })
    const { fileId } = (await uploaded.json()) as { fileId: string }
    const message = await send('+12025550103', { text: 'look', attachments: [{ fileId }] })
    const { status, answer, body } = creates().at(-1) ?? assert.fail('no create')
    const { validation } = JSON.parse(answer) as { validation?: { location: string[]; code: string }[] }
    assert.deepEqual(
      [status, validation?.map(({ location, code }) => [location.join('.'), code])],
      [422, [['body.MediaUrl', 'type']]],
      answer,
    )
    assert.equal(message.send?.state, 'failed')
    // What Prism cannot read is right all the same: the file is where the field says.
    const link = new URL(body.get('MediaUrl') ?? '')
    const file = await fetch(`${running().url}${link.pathname}${link.search}`)
    assert.deepEqual([file.status, file.headers.get('content-type'), Buffer.from(await file.arrayBuffer())], [200, 'image/png', png])
  })
})
