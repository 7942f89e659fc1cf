// The contract of a channel: proofs, parsing, rendering and interpreting, as every adapter keeps them.
// Stands between the shape of channels/shape.ts and each dialect; a channel brings its cases, see channel-form.ts.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Content, ParsedEvent, ParsedRequest, Provider, Webhook } from '#channels'
import { commandsOf } from '#runtime'
import { commandRecords, encode, type Command, type RecordShape } from '#schemas/log'
import { blank, choice, file, samples } from '../channels/content.ts'
import type { ChannelForm, SignedSample } from './channel-form.ts'

const EVENTS_MAX = 2000
const SEED = Number(process.env['CONFAB_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const intake = {
  organizationId: '00000000-0000-8000-8000-00000000000a',
  idKey: Buffer.alloc(32, 7),
  account: { id: '00000000-0000-8000-8000-00000000000b', channel: 'custom' },
  receivedAt: 5,
} as const

const flipped = (body: Buffer, at: number): Buffer => {
  const copy = Buffer.from(body)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** What every event must hold to, whatever it came from: it can be stored, and it is no larger than what it came from. */
const checkParsed = ({ events, faults, skipped = [], response }: ParsedRequest, bytes: number): void => {
  assert.ok(events.length <= EVENTS_MAX && faults.length <= 101 && skipped.length <= 100)
  assert.ok(response.status >= 200 && response.status < 300)
  for (const name of skipped) assert.match(name, /^[a-z][a-z_0-9]{0,63}$/)
  for (const fault of faults) assert.ok(fault.length < 200)
  for (const event of events) checkEvent(event)
  const size = JSON.stringify(events).length
  assert.ok(size <= 5000 * (events.length + 1) + 20 * bytes, `${size} from ${bytes}`)
}

const checkEvent = (event: ParsedEvent): void => {
  assert.ok(event.eventKey.every((part) => typeof part === 'string'))
  assert.ok(event.kind === 'account' || event.userId !== '' || event.kind === 'receipt', JSON.stringify(event))
  assert.ok((event.aliases ?? []).every((alias) => alias !== event.userId && alias !== ''))
  if (event.kind === 'message' || event.kind === 'echo') {
    assert.ok(event.content.attachments.length <= 15)
    for (const { image } of event.content.cards ?? []) assert.ok(image === null || event.content.attachments[image] !== undefined)
  }
  for (const command of commandsOf([event], intake)) encode(commandRecords[command.type] as RecordShape<Command>, command)
  if ('providerAt' in event && event.providerAt !== null) assert.ok(Number.isSafeInteger(event.providerAt))
}

const describeProof = (form: ChannelForm, webhook: Webhook): void => {
  const [secret = ''] = webhook.secretsOf(form.credentials)
  const [[, body] = ['', Buffer.alloc(0)]] = Object.entries(form.bodies)
  const sample = form.sign(body, secret)
  const isProved = (given: SignedSample, secrets: readonly string[] = [secret]): boolean =>
    webhook.verify({ method: 'POST', ...given, secrets })

  test('the proof holds under any live secret, and under no other', () => {
    assert.ok(isProved(sample))
    assert.ok(isProved(sample, [form.otherSecret, secret]))
    assert.ok(!isProved(sample, [form.otherSecret]))
    assert.ok(!isProved(sample, []))
  })
  test('the proof fails without its header', () => assert.ok(!isProved({ ...sample, headers: {} })))
  test('the proof fails for each changed byte of the body, and for one more or less', () => {
    for (let at = 0; at < body.length; at++) assert.ok(!isProved({ ...sample, body: flipped(body, at) }), `byte ${at}`)
    assert.ok(!isProved({ ...sample, body: Buffer.concat([body, Buffer.from('x')]) }))
    assert.ok(!isProved({ ...sample, body: body.subarray(0, -1) }))
  })
  test('the proof fails for each other change that it covers', () => {
    for (const changed of form.covered?.(sample) ?? []) assert.ok(!isProved(changed), JSON.stringify([changed.url, changed.headers]))
  })
  test('a changed proof fails', () => {
    for (const [name, value] of Object.entries(sample.headers)) {
      if (!name.includes('signature')) continue
      for (let at = 0; at < value.length; at++) {
        const changed = value.slice(0, at) + (value[at] === '0' ? '1' : '0') + value.slice(at + 1)
        assert.ok(!isProved({ ...sample, headers: { ...sample.headers, [name]: changed } }), `${name} at ${at}`)
      }
    }
  })
  test('the ingest URL holds the key, and no secret', () => {
    const url = webhook.ingestUrl('https://confab.example', 'key-1')
    assert.ok(url.startsWith(`https://confab.example/v1/ingest/${form.adapter.name}/key-1`))
    for (const value of webhook.secretsOf(form.credentials)) assert.ok(!url.includes(value))
  })
}

/** A JSON value like `value` in which something was replaced. */
const spoilt = (value: unknown): fc.Arbitrary<unknown> => {
  const paths: string[][] = []
  const walk = (part: unknown, path: string[]): void => {
    paths.push(path)
    if (typeof part === 'object' && part !== null) for (const [key, inner] of Object.entries(part)) walk(inner, [...path, key])
  }
  walk(value, [])
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('', null, 0, -1, 1e21, [], {}, [[]], '\ud800', 'constructor', '__proto__'),
  )
  return fc.tuple(fc.constantFrom(...paths), strange).map(([path, other]) => {
    const copy: unknown = structuredClone(value)
    const last = path.at(-1)
    if (last === undefined) return other
    let parent = copy as Record<string, unknown>
    for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>
    parent[last] = other
    return copy
  })
}

const describeParsing = (form: ChannelForm, webhook: Webhook): void => {
  const parse = (body: Buffer): ParsedRequest => webhook.parse({ url: form.sign(body, form.otherSecret).url, headers: {}, body })

  test('the same bytes are the same events, and events of one request differ in their keys', () => {
    for (const [name, body] of Object.entries(form.bodies)) {
      const once = parse(body)
      assert.deepEqual(parse(Buffer.from(body)), once, name)
      checkParsed(once, body.length)
      const keys = once.events.map(({ kind, eventKey }) => JSON.stringify([kind, eventKey]))
      assert.equal(new Set(keys).size, keys.length, name)
    }
  })
  test('no bytes break it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => checkParsed(parse(Buffer.from(bytes)), bytes.length)),
      { seed: SEED, numRuns: 200 },
    )
    checkParsed(parse(Buffer.from('['.repeat(100_000))), 100_000)
    checkParsed(parse(Buffer.from(`${'{"entry":'.repeat(20_000)}0${'}'.repeat(20_000)}`)), 200_000)
  })
  const json = Object.values(form.bodies).filter((body) => body[0] === 0x7b)
  if (json.length > 0)
    test('no part that is other than expected breaks it', () => {
      for (const body of json) {
        const value: unknown = JSON.parse(body.toString())
        fc.assert(
          fc.property(spoilt(value), (changed) => {
            const bytes = Buffer.from(JSON.stringify(changed))
            checkParsed(parse(bytes), bytes.length)
          }),
          { seed: SEED, numRuns: 40 },
        )
      }
    })
}

const long = 'A sentence of some words. '.repeat(900)
const contents: Readonly<Record<string, Content>> = {
  ...samples,
  'an empty text': { ...blank, text: '' },
  'a text that is too long': { ...blank, text: long },
  'files with words': {
    ...blank,
    kind: 'media',
    text: 'look',
    attachments: [file('image', 'image/jpeg'), file('audio', 'audio/ogg'), file('video', 'video/mp4')],
  },
  'a file of no known type': { ...blank, kind: 'media', attachments: [file('image', 'image/tiff')] },
  'many options': choice(
    'list',
    Array.from({ length: 30 }, (_, n) => `Option ${n}`),
  ),
  'long titles': choice('quick-replies', ['A title that is longer than anybody would tap on', 'B']),
  'no options': choice('buttons', []),
  'a native part that is no JSON': { ...blank, kind: 'native', native: '{' },
  'a native part that is a list': { ...blank, kind: 'native', native: '[1]' },
  'parts that are missing': { ...blank, kind: 'location' },
  'a template that is missing': { ...blank, kind: 'template' },
}

const describeRendering = (form: ChannelForm, provider: Provider): void => {
  const urls = ['https://confab.example/f/1', 'https://confab.example/f/2', 'https://confab.example/f/3']
  const contextOf = (content: Content) => ({ ...form.context(), attachmentUrls: urls.slice(0, content.attachments.length) })

  for (const [name, content] of Object.entries(contents))
    test(`renders ${name}: exact, degraded by name, or refused with a reason`, () => {
      const context = contextOf(content)
      const rendering = provider.render(content, context)
      assert.deepEqual(provider.render(content, context), rendering)
      const strict = provider.render(content, { ...context, isStrict: true })
      if (rendering.kind === 'refused') return assert.ok(rendering.detail.length > 5)
      if (rendering.kind === 'degraded') {
        assert.ok(
          rendering.degraded.length > 0 && rendering.degraded.every((each) => /^[\w-]+→[\w-]+$/.test(each)),
          rendering.degraded.join(),
        )
        return assert.equal(strict.kind, 'refused')
      }
      assert.deepEqual(strict, rendering)
      if (rendering.kind === 'exact') {
        const { url, body } = rendering.request
        assert.ok(url.startsWith('https://') && !/undefined|NaN/.test(url + (body ?? '')), `${url} ${body}`)
        for (const value of Object.values(form.credentials)) assert.ok(!(body ?? '').includes(value))
      }
    })
  test('each kind that the channel says it can send is sent as it is', () => {
    const { kinds, optionsMax } = form.adapter.capabilities(form.context().account.externalId)
    const style = (optionsMax?.buttons ?? 2) > 0 ? 'buttons' : 'quick-replies'
    for (const kind of kinds) {
      const content = kind === 'choice' ? choice(style, ['Blue', 'Red']) : samples[kind]
      assert.equal(provider.render(content, contextOf(content)).kind, 'exact', kind)
    }
  })
  test('a split content is sent whole, in its order', () => {
    if (provider.split === undefined) return
    for (const [name, content] of Object.entries(contents)) {
      const parts = provider.split(content, form.context().account.externalId)
      assert.ok(parts.length > 0)
      assert.ok(provider.split(parts[0] ?? blank, '').length === 1, `${name}: a part fits`)
      const said = parts.map(({ text }) => text ?? '').join(' ')
      assert.equal(said.replaceAll(/\s+/g, ''), (content.text ?? '').replaceAll(/\s+/g, ''), name)
      assert.equal(parts.flatMap(({ attachments }) => attachments).length, content.attachments.length, name)
      if (name === 'a text that is too long' || name === 'files with words')
        for (const part of parts) assert.notEqual(provider.render(part, contextOf(part)).kind, 'refused', name)
    }
  })
  test('ids make the round trip: to the person that wrote, from the answer to its receipt, and our own back to us', () => {
    const context = form.context()
    const rendering = provider.render(samples.text, context)
    assert.ok(rendering.kind === 'exact')
    assert.equal(form.recipientIn(rendering.request), context.address.userId)
    const { answer, receipt } = form.acceptance('id-1')
    const fate = provider.interpret({ kind: 'answer', status: 200, headers: {}, body: answer })
    assert.ok(fate.kind === 'accepted' && fate.providerMessageId === 'id-1')
    const { webhook } = form.adapter
    const url = context.callbackUrl ?? 'https://confab.example/'
    if (webhook === null) return
    if (receipt !== null) {
      const [event] = webhook.parse({ url, headers: {}, body: receipt }).events
      assert.ok(event?.kind === 'receipt' && event.providerMessageId === 'id-1')
      assert.equal(event.userId, context.address.userId)
    }
    const echo = form.echoOf(rendering.request)
    if (echo === null) return
    const [event] = webhook.parse({ url, headers: {}, body: echo }).events
    assert.ok(event?.kind === 'echo' || event?.kind === 'receipt')
    assert.deepEqual(event.correlation, context.correlation)
  })
}

const describeFates = (form: ChannelForm, { interpret }: Provider): void => {
  const answer = (status: number, body = '', headers = {}) => interpret({ kind: 'answer', status, headers, body })
  test('a send is repeated only where nothing left, and throttled only where the provider says so', () => {
    assert.equal(interpret({ kind: 'not-sent' }).kind, 'retry')
    assert.deepEqual(interpret({ kind: 'bytes-left', reason: 'timed_out' }), { kind: 'unknown', reason: 'timed_out', providerCode: null })
    for (const status of [500, 502, 503, 504, 408, 302]) assert.equal(answer(status).kind, 'unknown', String(status))
    for (const body of ['', '{}', 'null', '[]', '<html>']) assert.equal(answer(200, body).kind, 'unknown', body)
    assert.deepEqual(answer(429, '', { 'retry-after': '7' }), { kind: 'throttle', afterMs: 7000, providerCode: null })
    assert.equal(answer(418).kind, form.unheard)
  })
  test('no answer breaks it; a 5xx never counts as not sent', () => {
    const body = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.integer().map((code) => JSON.stringify({ error: { code }, code })),
    )
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), body, (status, text) => {
        const fate = answer(status, text)
        if (status >= 500) assert.equal(fate.kind, 'unknown')
        if (fate.kind === 'throttle') assert.ok(fate.afterMs === null || fate.afterMs <= 3_600_000)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
}

export const describeChannel = (form: ChannelForm): void => {
  const { adapter, credentials } = form
  describe(`the channel ${adapter.name} (seed ${SEED})`, () => {
    test('its secrets are marked, and credentials have no other fields', () => {
      assert.equal((adapter.credentialsSchema as { readonly additionalProperties?: unknown }).additionalProperties, false)
      const properties = adapter.credentialsSchema.properties as Record<string, { readonly isSecret?: boolean }>
      for (const [name, value] of Object.entries(credentials)) {
        assert.ok(properties[name] !== undefined, name)
        if (adapter.webhook?.secretsOf(credentials).includes(value) === true) assert.equal(properties[name].isSecret, true, name)
      }
    })
    const { webhook, provider } = adapter
    if (webhook !== null) {
      describeProof(form, webhook)
      describeParsing(form, webhook)
    }
    if (provider !== null) {
      describeRendering(form, provider)
      describeFates(form, provider)
    }
  })
}
