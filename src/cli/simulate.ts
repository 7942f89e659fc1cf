// `confab simulate`: genuinely signed provider webhooks at a chosen rate, for trying Confab without a provider's account.
// Makes an account of its own once and keeps its credentials beside the data, since the server never gives credentials back.

import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '#config'
import { ConfabError } from '#errors'
import { openRemote, withRemote, type Remote, type RemoteOptions } from './remote.ts'

interface Credentials {
  readonly accountSid: string
  readonly authToken: string
  readonly number: string
  readonly ingestUrl: string
}

interface SimulateOptions extends RemoteOptions {
  readonly rate: string
  readonly count: string
  readonly people: string
  readonly text?: string
}

const NUMBER = '+15550199'
const TEXTS = [
  'Hello, is anybody there?',
  'Where is my order?',
  'Can I change the delivery address?',
  'Thanks, that helps!',
  'The parcel came broken.',
  'When do you open tomorrow?',
]

const account = async (remote: Remote): Promise<Credentials> => {
  const path = join(loadConfig().dataDirectory, 'simulate.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Credentials
  const credentials = { accountSid: `AC${randomBytes(16).toString('hex')}`, authToken: randomBytes(16).toString('hex') }
  const made = await remote.call<{ ingestUrl: string }>('/v1/accounts', {
    channel: 'twilio',
    name: 'Simulator (SMS)',
    externalId: NUMBER,
    credentials,
  })
  const kept = { ...credentials, number: NUMBER, ingestUrl: made.ingestUrl }
  writeFileSync(path, JSON.stringify(kept), { mode: 0o600 })
  return kept
}

/** What Twilio posts for an inbound text, with its signature (HMAC-SHA1 of the URL and the sorted parameters). */
const webhook = (credentials: Credentials, message: { from: string; text: string }): { signature: string; body: string } => {
  const sid = `SM${randomBytes(16).toString('hex')}`
  const parameters: Record<string, string> = {
    AccountSid: credentials.accountSid,
    ApiVersion: '2010-04-01',
    Body: message.text,
    From: message.from,
    MessageSid: sid,
    NumMedia: '0',
    NumSegments: '1',
    SmsMessageSid: sid,
    SmsSid: sid,
    SmsStatus: 'received',
    To: credentials.number,
  }
  const signedUrl = credentials.ingestUrl.replace(/#.*$/, '')
  const signed = Object.keys(parameters)
    .toSorted()
    .reduce((text, name) => `${text}${name}${parameters[name] ?? ''}`, signedUrl)
  return {
    signature: createHmac('sha1', credentials.authToken).update(signed).digest('base64'),
    body: new URLSearchParams(parameters).toString(),
  }
}

const whole = (name: string, text: string, max: number): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new ConfabError('option_invalid', { detail: `--${name} expects a whole number from 1 to ${max}.` })
  return value
}

const simulate = async (options: SimulateOptions): Promise<void> => {
  const [rate, count, people] = [
    whole('rate', options.rate, 10_000),
    whole('count', options.count, 10_000_000),
    whole('people', options.people, 1_000_000),
  ]
  const remote = openRemote(options)
  const credentials = await account(remote)
  const target = `${remote.url}${new URL(credentials.ingestUrl).pathname}`
  const statuses = new Map<number, number>()
  const startedAt = performance.now()
  const send = async (n: number): Promise<void> => {
    const text = options.text ?? TEXTS[n % TEXTS.length] ?? ''
    const { signature, body } = webhook(credentials, { from: `+1555${String(3_000_000 + (n % people))}`, text })
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
    const answer = await fetch(target, { method: 'POST', headers, body })
    await answer.text()
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
  }
  const open = new Set<Promise<void>>()
  for (let n = 0; n < count; n++) {
    const wait = startedAt + (n * 1000) / rate - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    const sending: Promise<void> = send(n).finally(() => open.delete(sending))
    open.add(sending)
    if (open.size >= 256) await Promise.race(open)
    if (n > 0 && n % (rate * 5) === 0) console.log(`${n} of ${count} sent`)
  }
  await Promise.all(open)
  const seconds = (performance.now() - startedAt) / 1000
  const summary = [...statuses].map(([status, times]) => `${times} × ${status}`).join(', ')
  console.log(`${count} webhooks in ${seconds.toFixed(1)} s: ${summary}`)
  if ([...statuses.keys()].some((status) => status >= 300)) process.exitCode = 1
}

export const addSimulate = (program: Command): void => {
  withRemote(
    program
      .command('simulate')
      .description('send signed Twilio webhooks to a running server, as customers would')
      .addHelpText(
        'after',
        '\nExamples:\n  confab simulate\n  confab simulate --count 1000 --rate 100 --people 50\n  confab simulate --count 1 --text "Is anybody there?"',
      )
      .option('--rate <n>', 'webhooks a second', '1')
      .option('--count <n>', 'how many', '10')
      .option('--people <n>', 'how many customers they come from', '5')
      .option('--text <text>', 'what they say (default: a few everyday sentences)'),
  ).action((options: SimulateOptions) => simulate(options))
}
