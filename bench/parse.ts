// `parse`: webhooks verified and parsed a second, for each channel, against a bare HMAC and JSON.parse of the same bytes.

import { createHmac } from 'node:crypto'
import { channels, type Headers, type Webhook } from '#channels'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'

interface Arrived {
  readonly body: Buffer
  readonly headers: Headers
  /** What JSON.parse reads in the baseline: the body itself, or of a form its fields. */
  readonly json: string
}

interface Subject {
  readonly name: string
  readonly webhook: Webhook
  readonly secret: string
  readonly url: string
  readonly algorithm: 'sha1' | 'sha256'
  readonly key: Buffer
  arrived(n: number): Arrived
}

/** Distinct bodies, so that nothing kept of one serves the next. */
const BODIES = 512
const ROUNDS = 8

const hmac = (algorithm: string, key: Buffer | string, ...parts: readonly (Buffer | string)[]): Buffer => {
  const digest = createHmac(algorithm, key)
  for (const part of parts) digest.update(part)
  return digest.digest()
}

const webhookOf = (name: keyof typeof channels): Webhook => {
  const { webhook } = channels[name]
  if (webhook === null) throw new Error(`${name} has no webhook`)
  return webhook
}

const SECRET = '0123456789abcdef0123456789abcdef'
const urlOf = (name: string): string => `https://confab.example/v1/ingest/${name}/47aef98b-0000-8000-8000-000000000000`

const meta = (name: 'messenger' | 'instagram' | 'whatsapp', bodyOf: (n: number) => object): Subject => ({
  name,
  webhook: webhookOf(name),
  secret: SECRET,
  url: urlOf(name),
  algorithm: 'sha256',
  key: Buffer.from(SECRET),
  arrived(n) {
    const json = JSON.stringify(bodyOf(n))
    const body = Buffer.from(json)
    return { body, json, headers: { 'x-hub-signature-256': `sha256=${hmac('sha256', SECRET, body).toString('hex')}` } }
  },
})

const TEXT = 'Hello, where is my order? It was to come on Monday.'

const page = (object: string, account: string) => (n: number) => ({
  object,
  entry: [
    {
      id: account,
      time: 1_772_998_024_000 + n,
      messaging: [
        {
          sender: { id: '5501550155015501' },
          recipient: { id: account },
          timestamp: 1_772_998_024_000 + n,
          message: { mid: `m_AAE${n}B7cDqWkXoBvJfR2nJ5sT8uH1zYgLpQ`, text: TEXT },
        },
      ],
    },
  ],
})

const whatsappBody = (n: number) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '102290129340398',
      changes: [
        {
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550783881', phone_number_id: '106540352242922' },
            contacts: [{ profile: { name: 'Ada' }, wa_id: '16505551234', user_id: 'US.134912086553' }],
            messages: [
              {
                from: '16505551234',
                from_user_id: 'US.134912086553',
                id: `wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFF${n}`,
                timestamp: '1749416383',
                type: 'text',
                text: { body: TEXT },
              },
            ],
          },
          field: 'messages',
        },
      ],
    },
  ],
})

const twilioFields = (n: number): Record<string, string> => ({
  ToCountry: 'US',
  ToState: 'CA',
  SmsMessageSid: `SM${String(n).padStart(32, '0')}`,
  NumMedia: '0',
  SmsSid: `SM${String(n).padStart(32, '0')}`,
  FromState: 'CA',
  SmsStatus: 'received',
  Body: TEXT,
  FromCountry: 'US',
  To: '+15550100',
  NumSegments: '1',
  MessageSid: `SM${String(n).padStart(32, '0')}`,
  AccountSid: `AC${'0'.repeat(32)}`,
  From: '+15550101',
  ApiVersion: '2010-04-01',
})

const twilio: Subject = {
  name: 'twilio',
  webhook: webhookOf('twilio'),
  secret: SECRET,
  url: urlOf('twilio'),
  algorithm: 'sha1',
  key: Buffer.from(SECRET),
  arrived(n) {
    const fields = twilioFields(n)
    const signed =
      urlOf('twilio') +
      Object.keys(fields)
        .toSorted()
        .map((name) => name + (fields[name] ?? ''))
        .join('')
    return {
      body: Buffer.from(new URLSearchParams(fields).toString()),
      json: JSON.stringify(fields),
      headers: {
        'x-twilio-signature': hmac('sha1', SECRET, signed).toString('base64'),
        'content-type': 'application/x-www-form-urlencoded',
      },
    }
  },
}

const CUSTOM_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const customKey = Buffer.from(CUSTOM_SECRET.slice('whsec_'.length), 'base64')

const custom: Subject = {
  name: 'custom',
  webhook: webhookOf('custom'),
  secret: CUSTOM_SECRET,
  url: urlOf('custom'),
  algorithm: 'sha256',
  key: customKey,
  arrived(n) {
    const message = { id: `x${n}`, from: 'u1', thread: 't1', at: '2026-11-20T10:00:00Z', content: { text: TEXT }, contact: { name: 'Ada' } }
    const json = JSON.stringify({ messages: [message] })
    const body = Buffer.from(json)
    const signature = hmac('sha256', customKey, `msg_${n}.1790000000.`, body).toString('base64')
    return { body, json, headers: { 'webhook-id': `msg_${n}`, 'webhook-timestamp': '1790000000', 'webhook-signature': `v1,${signature}` } }
  },
}

const subjects: readonly Subject[] = [
  meta('messenger', page('page', '101010101010101')),
  meta('instagram', page('instagram', '17841400000000001')),
  meta('whatsapp', whatsappBody),
  twilio,
  custom,
]

/** Calls `step` over and over for `seconds`: how often a second. */
const perSecond = (seconds: number, step: (n: number) => void): number => {
  const startedAt = performance.now()
  let n = 0
  while (performance.now() - startedAt < seconds * 1000) for (let inner = 0; inner < 200; inner++) step(n++)
  return n / ((performance.now() - startedAt) / 1000)
}

const median = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

interface Measured {
  readonly perSecond: number
  readonly baselinePerSecond: number
}

const measure = (subject: Subject, seconds: number): Measured => {
  const { webhook, url, secret, key, algorithm } = subject
  const arrived = Array.from({ length: BODIES }, (_, n) => subject.arrived(n))
  const of = (n: number): Arrived => arrived[n % BODIES] ?? subject.arrived(n)
  const ours = (n: number): void => {
    const { body, headers } = of(n)
    const request = { method: 'POST', url, headers, body, secrets: [secret] }
    if (!webhook.verify(request)) throw new Error(`${subject.name}: a signed body is refused`)
    if (webhook.parse(request).events.length !== 1) throw new Error(`${subject.name}: a body is no event`)
  }
  const bare = (n: number): void => {
    const { body, json } = of(n)
    if (hmac(algorithm, key, body).length === 0 || JSON.parse(json) === null) throw new Error('nothing')
  }
  perSecond(0.3, ours)
  perSecond(0.3, bare)
  // Turn by turn, so that a busy machine slows both.
  const turns = Array.from({ length: ROUNDS }, () => [perSecond(seconds / ROUNDS, ours), perSecond(seconds / ROUNDS, bare)] as const)
  return { perSecond: median(turns.map(([own]) => own)), baselinePerSecond: median(turns.map(([, base]) => base)) }
}

const run = ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const seconds = isQuick ? 1.6 : 8
  const figures: Record<string, number> = {}
  const ratios: number[] = []
  for (const subject of subjects) {
    const measured = measure(subject, seconds)
    const ratio = measured.perSecond / measured.baselinePerSecond
    ratios.push(ratio)
    figures[`${subject.name}Ratio`] = round(ratio)
    figures[`${subject.name}PerSecond`] = round(measured.perSecond, 0)
    figures[`${subject.name}BaselinePerSecond`] = round(measured.baselinePerSecond, 0)
    say(
      `${subject.name}: ${round(measured.perSecond, 0)} webhooks/s, bare ${round(measured.baselinePerSecond, 0)}/s, ratio ${round(ratio)}`,
    )
  }
  return Promise.resolve({ ratio: round(Math.min(...ratios)), ...figures })
}

export const parse: Benchmark = {
  name: 'parse',
  explains:
    'Webhooks of one text verified and parsed on one core, per channel; baseline: createHmac and JSON.parse over the same bytes (of Twilio’s form: over its fields as JSON).',
  fields: 'ratio (the slowest channel’s), {channel}Ratio, {channel}PerSecond, {channel}BaselinePerSecond',
  goal: 'ratio >= 0.3',
  run,
}
