// Our requests to the Cloud API against Meta's own OpenAPI file: Prism refuses what the specification does not know.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { channels, type Content, type RequestDescription } from '#channels'
import { openOutgoing } from '#effects'
import { blank, choice, contextOf, file, option, samples } from './content.ts'
import { startPrism, type Prism } from './prism.ts'

const provider = channels.whatsapp.provider ?? assert.fail('whatsapp has a provider')
const SPECIFICATION = new URL('../fixtures/channels/whatsapp-messages-openapi.json', import.meta.url)
let prism: Prism
let directory = ''

interface Specification {
  readonly components: { readonly schemas: Record<string, { properties?: Record<string, unknown>; required?: string[] }> }
}

before(async () => {
  const specification = JSON.parse(await readFile(SPECIFICATION, 'utf8')) as Specification
  const base = specification.components.schemas['BaseMessageProperties'] ?? assert.fail('the file has changed')
  // v23.0 knows neither yet: both are documented since, and closed objects would refuse them.
  base.properties = { ...base.properties, biz_opaque_callback_data: { type: 'string', maxLength: 512 }, recipient: { type: 'string' } }
  directory = await mkdtemp(join(tmpdir(), 'confab-prism-'))
  const path = join(directory, 'specification.json')
  await writeFile(path, JSON.stringify(specification))
  prism = await startPrism(path)
})
after(async () => {
  await prism.stop()
  await rm(directory, { recursive: true })
})

const context = () =>
  contextOf({
    apiUrl: prism.url,
    credentials: { accessToken: 'EAAB' },
    account: { externalId: '106540352242922', options: { apiVersion: 'v23.0' } },
  })

const ask = async (request: RequestDescription) => {
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [prism.url] })
  try {
    const headers = { ...request.headers, 'user-agent': 'confab/1.0.0' }
    const answer = await outgoing.request({ ...request, headers, timeoutMs: 20_000, responseBytesMax: 1_000_000, isToProvider: true })
    return { status: answer.status, headers: answer.headers, body: answer.body.toString() }
  } finally {
    await outgoing.close()
  }
}

const requestOf = (content: Content): RequestDescription => {
  const rendering = provider.render(content, context())
  assert.ok(rendering.kind === 'exact' || rendering.kind === 'degraded', JSON.stringify(rendering))
  return rendering.request
}

const contents: Readonly<Record<string, Content>> = {
  text: samples.text,
  image: { ...samples.media, text: 'a caption' },
  video: { ...blank, kind: 'media', attachments: [file('video', 'video/mp4')] },
  audio: { ...blank, kind: 'media', attachments: [file('audio', 'audio/ogg')] },
  document: { ...blank, kind: 'media', attachments: [file('file', 'application/pdf', 'terms.pdf')] },
  sticker: { ...blank, kind: 'media', attachments: [file('sticker', 'image/webp')] },
  location: samples.location,
  'contact cards': samples.vcards,
  buttons: samples.choice,
  list: choice('list', ['One', 'Two', 'Three', 'Four']),
  'list with descriptions, header and footer': {
    ...choice('list', []),
    choice: {
      style: 'list',
      header: 'Head',
      footer: 'Foot',
      opener: 'Open',
      options: [option('One', { payload: '1', description: 'first' })],
    },
  },
  card: samples.cards,
  template: samples.template,
  answer: samples.answer,
  native: samples.native,
}

for (const [name, content] of Object.entries(contents))
  test(`${name}: accepted with the id of the message`, async () => {
    const answer = await ask(requestOf(content))
    assert.equal(answer.status, 200, answer.body)
    const fate = provider.interpret({ kind: 'answer', ...answer })
    assert.ok(fate.kind === 'accepted' && fate.providerMessageId.startsWith('wamid.'), JSON.stringify(fate))
  })

test('a reaction and its removal are accepted', async () => {
  for (const emoji of ['👍', null]) {
    const request = provider.signal?.({ kind: 'react', providerMessageId: 'wamid.1', emoji }, context()) ?? assert.fail('no request')
    assert.equal((await ask(request)).status, 200)
  }
})

test('what the specification does not know is refused, and counts as refused for good', async () => {
  const request = requestOf(samples.text)
  const { status, body, headers } = await ask({ ...request, body: (request.body ?? '').replace('"text":{', '"text":{"unheard":1,') })
  assert.equal(status, 422, body)
  assert.equal(provider.interpret({ kind: 'answer', status, headers, body }).kind, 'permanent-message')
})

test('a request without a token is refused as such', async () => {
  const { authorization: _, ...headers } = requestOf(samples.text).headers
  const { status, body } = await ask({ ...requestOf(samples.text), headers })
  assert.equal(status, 401, body)
  assert.equal(provider.interpret({ kind: 'answer', status, headers: {}, body }).kind, 'permanent-credential')
})

test('where a file lies is asked as the specification says', async () => {
  const request = provider.media?.request('whatsapp-media:1003383421387256', context()) ?? assert.fail('no request')
  const { status, body } = await ask(request)
  assert.equal(status, 200, body)
  assert.equal(provider.media?.request('https://lookaside.fbsbx.com/x', context()), null)
})
