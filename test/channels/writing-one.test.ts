// The page on writing a channel, followed word by word: its code speaks with our codec, both ways, and through a real socket.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { channels, type Headers } from '#channels'
import { contextOf, correlation, samples } from './content.ts'
import { lineOf } from './samples.ts'

interface Connector {
  deliver(post: object, options: object): Promise<unknown>
  handle(headers: Headers, body: string, options: object): Promise<{ status: number; answer: { id?: string; error?: string } }>
  serve(options: object): Server
}

const PAGE = new URL('../../docs/channels/writing-one.md', import.meta.url)
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const webhook = channels.custom.webhook ?? assert.fail('custom has a webhook')
const provider = channels.custom.provider ?? assert.fail('custom has a provider')
let directory = ''
let connector: Connector

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'confab-connector-'))
  const page = await readFile(PAGE, 'utf8')
  const code = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block = '']) => block).join('\n')
  const path = join(directory, 'connector.mjs')
  await writeFile(path, code)
  connector = (await import(pathToFileURL(path).href)) as Connector
})
after(() => rm(directory, { recursive: true }))

const post = { id: '1', topic: 't1', author: 'u1', authorName: 'Ada', writtenAt: '2026-11-20T10:00:00Z', text: 'Is anybody there?' }

test('a post that the page delivers is proved and read', async () => {
  const answer = await connector.deliver(post, {
    ingestUrl: 'https://confab.example/v1/ingest/custom/key',
    secret,
    request: (url: string, { headers, body }: { headers: Headers; body: string }) => {
      const bytes = Buffer.from(body)
      assert.ok(webhook.verify({ method: 'POST', url, headers, body: bytes, secrets: [secret], at: Date.now() }))
      const { events, response } = webhook.parse({ url, headers, body: bytes })
      assert.deepEqual(events.map(lineOf), ['message u1@t1 1 text "Is anybody there?"'])
      return Promise.resolve(new Response(response.body, { status: response.status }))
    },
  })
  assert.deepEqual(answer, { accepted: 1, faults: [] })
})

const send = (content: (typeof samples)[keyof typeof samples], messageId = correlation.messageId) => {
  const rendering = provider.render(
    content,
    contextOf({
      credentials: { secret },
      address: { userId: 'u1', threadId: 't1', accountAddress: 'forum' },
      account: { externalId: 'forum', options: { sendUrl: 'https://connector.example/send' } },
      correlation: { ...correlation, messageId },
      now: Date.now(),
    }),
  )
  assert.ok(rendering.kind === 'exact')
  return rendering.request
}

test('an answer of ours is published once, however often it comes', async () => {
  const published: unknown[] = []
  const server = connector.serve({
    secret,
    publish: (what: unknown) => {
      published.push(what)
      return Promise.resolve(`forum-${published.length}`)
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { headers, body } = send(samples.text)
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/send`, { method: 'POST', headers, body })
    const fate = provider.interpret({ kind: 'answer', status: answer.status, headers: {}, body: await answer.text() })
    assert.deepEqual(fate, { kind: 'accepted', providerMessageId: 'forum-1' })
  }
  server.close()
  await once(server, 'close')
  assert.deepEqual(published, [{ topic: 't1', to: 'u1', text: 'Grüße & more 🙂' }])
  assert.equal(headers['webhook-id'], correlation.messageId)
})

test('what the forum cannot show is refused with a word that we know, and a foreign request as such', async () => {
  const { headers, body } = send(samples.location, '00000000-0000-8000-8000-00000000000e')
  const options = { secret, publish: () => assert.fail('nothing is published') }
  const { status, answer } = await connector.handle({ ...headers, 'webhook-id': 'other' }, body ?? '', options)
  assert.deepEqual([status, answer.error], [403, 'signature'])
  const refused = await connector.handle(headers, body ?? '', options)
  const fate = provider.interpret({ kind: 'answer', status: refused.status, headers: {}, body: JSON.stringify(refused.answer) })
  assert.deepEqual(fate, { kind: 'permanent-message', reason: 'content_refused', providerCode: null })
})
