// Our create request against Twilio's own OpenAPI file: Prism answers as the specification says, through the guard.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { channels, type RenderContext } from '#channels'
import { openOutgoing } from '#effects'
import type { MessageContent } from '#schemas/log'
import { modules, startPrism, type Prism } from './prism.ts'

const SPECIFICATION = join(modules, '@twilio-alpha/mcp/twilio-oai/spec/json/twilio_api_v2010.json')

const provider = channels.twilio.provider ?? assert.fail('twilio has a provider')
let prism: Prism
let apiUrl = ''

before(async () => {
  prism = await startPrism(SPECIFICATION)
  apiUrl = prism.url
})
after(() => prism.stop())

const content: MessageContent = {
  kind: 'text',
  text: 'Grüße & more',
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
}
const context = (): RenderContext => ({
  apiUrl,
  credentials: { accountSid: `AC${'0'.repeat(32)}`, authToken: 'token' },
  address: { userId: '+15550101', threadId: null, accountAddress: '+15550100' },
  account: { externalId: '+15550100', options: {} },
  callbackUrl: provider.callbackUrl('https://confab.example', 'key', { conversationId: 'c', messageId: 'm', seal: 's' }),
  attachmentUrls: [],
})

const send = async (body: (body: string) => string, message: MessageContent = content) => {
  const rendering = provider.render(message, context())
  assert.ok(rendering.kind === 'exact' || rendering.kind === 'degraded')
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [apiUrl] })
  try {
    const { request } = rendering
    const answer = await outgoing.request({
      ...request,
      body: body(request.body ?? ''),
      timeoutMs: 20_000,
      responseBytesMax: 1_000_000,
      isToProvider: true,
    })
    return {
      status: answer.status,
      fate: provider.interpret({ kind: 'answer', status: answer.status, headers: answer.headers, body: answer.body.toString() }),
    }
  } finally {
    await outgoing.close()
  }
}

test('our text and template are accepted with the id of the message', async () => {
  const template: MessageContent = {
    ...content,
    kind: 'template',
    text: null,
    template: { name: `HX${'0'.repeat(32)}`, language: null, parameters: [{ name: '1', value: 'x' }] },
  }
  // No media here: Prism reads no repeated form field as the array that the specification wants.
  for (const message of [content, template] as const) {
    const { status, fate } = await send((body) => body, message)
    assert.equal(status, 201)
    assert.ok(fate.kind === 'accepted' && /^(?:SM|MM)/.test(fate.providerMessageId), JSON.stringify(fate))
  }
})

test('a create without To is refused, and counts as refused for good', async () => {
  const { status, fate } = await send((body) => body.replace(/To=[^&]*&?/, ''))
  assert.deepEqual([status, fate.kind], [422, 'permanent-message'])
})

test('a create without credentials is refused as such', async () => {
  const rendering = provider.render(content, context())
  assert.ok(rendering.kind === 'exact')
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [apiUrl] })
  const { authorization: _, ...headers } = rendering.request.headers
  const answer = await outgoing.request({
    ...rendering.request,
    headers,
    timeoutMs: 20_000,
    responseBytesMax: 1_000_000,
    isToProvider: true,
  })
  await outgoing.close()
  assert.equal(answer.status, 401)
  assert.equal(provider.interpret({ kind: 'answer', status: 401, headers: {}, body: answer.body.toString() }).kind, 'permanent-credential')
})

test('what health asks is known to the specification', async () => {
  const requests = provider.health?.requests(context()) ?? []
  assert.deepEqual(
    requests.map(({ name }) => name),
    ['account', 'number'],
  )
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [apiUrl] })
  for (const { name, request } of requests) {
    const answer = await outgoing.request({ ...request, timeoutMs: 20_000, responseBytesMax: 1_000_000, isToProvider: true })
    assert.equal(answer.status, 200, name)
  }
  await outgoing.close()
})
