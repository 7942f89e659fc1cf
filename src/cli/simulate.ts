// `confab simulate`: genuinely signed provider webhooks at a chosen rate, for trying Confab without a provider's account.
// Makes an account of each channel once and keeps its credentials beside the data, since the server never gives credentials back.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '#config'
import { ConfabError } from '#errors'
import { newAccount, said, simulated, type Simulated, type SimulatedAccount } from './fakes/people.ts'
import { openRemote, withRemote, type Remote, type RemoteOptions } from './remote.ts'

interface SimulateOptions extends RemoteOptions {
  readonly rate: string
  readonly count: string
  readonly people: string
  readonly text?: string
  readonly channel: string
}

const TEXTS = [
  'Hello, is anybody there?',
  'Where is my order?',
  'Can I change the delivery address?',
  'Thanks, that helps!',
  'The parcel came broken.',
  'When do you open tomorrow?',
]

/** Made once for each channel and server directory; kept in a file of its own, mode 0600. */
const account = async (remote: Remote, channel: Simulated): Promise<SimulatedAccount> => {
  const path = join(loadConfig().dataDirectory, channel === 'twilio' ? 'simulate.json' : `simulate-${channel}.json`)
  if (existsSync(path)) return kept(JSON.parse(readFileSync(path, 'utf8')) as Partial<SimulatedAccount> & Former)
  const wanted = newAccount(channel)
  const body = { channel, name: `Simulator (${channel})`, ...wanted }
  const made = await remote.call<{ ingestUrl: string; secret?: string }>('/v1/accounts', body)
  const credentials = { ...wanted.credentials, ...(made.secret === undefined ? {} : { secret: made.secret }) }
  const whole: SimulatedAccount = { channel, externalId: wanted.externalId, ingestUrl: made.ingestUrl, credentials }
  writeFileSync(path, JSON.stringify(whole), { mode: 0o600 })
  return whole
}

/** As files lay there before there was more than Twilio. */
interface Former {
  readonly accountSid?: string
  readonly authToken?: string
  readonly number?: string
}

const kept = ({
  channel,
  externalId,
  ingestUrl,
  credentials,
  accountSid,
  authToken,
  number,
}: Partial<SimulatedAccount> & Former): SimulatedAccount => ({
  channel: channel ?? 'twilio',
  externalId: externalId ?? number ?? '',
  ingestUrl: ingestUrl ?? '',
  credentials: credentials ?? { accountSid: accountSid ?? '', authToken: authToken ?? '' },
})

const channelsOf = (given: string): readonly Simulated[] => {
  if (given === 'all') return simulated
  const names = given.split(',').map((name) => name.trim())
  const stranger = names.find((name) => !(simulated as readonly string[]).includes(name))
  if (stranger !== undefined || names.length === 0)
    throw new ConfabError('option_invalid', { detail: `--channel expects all, or some of ${simulated.join(', ')}.` })
  return names as Simulated[]
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
  const accounts: SimulatedAccount[] = []
  for (const channel of channelsOf(options.channel)) accounts.push(await account(remote, channel))
  const statuses = new Map<number, number>()
  const startedAt = performance.now()
  const send = async (n: number): Promise<void> => {
    const text = options.text ?? TEXTS[n % TEXTS.length] ?? ''
    const from = accounts[n % accounts.length]
    if (from === undefined) return
    const { headers, body } = said(from, { person: n % people, text, at: Date.now() })
    const answer = await fetch(`${remote.url}${new URL(from.ingestUrl).pathname}`, { method: 'POST', headers, body })
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
      .description('send signed provider webhooks to a running server, as customers would')
      .addHelpText(
        'after',
        '\nExamples:\n  confab simulate\n  confab simulate --count 1000 --rate 100 --people 50\n  confab simulate --count 1 --text "Is anybody there?"\n  confab simulate --channel all --count 100',
      )
      .option('--channel <names>', 'by comma: twilio, messenger, instagram, whatsapp, custom; or all', 'twilio')
      .option('--rate <n>', 'webhooks a second', '1')
      .option('--count <n>', 'how many', '10')
      .option('--people <n>', 'how many customers they come from', '5')
      .option('--text <text>', 'what they say (default: a few everyday sentences)'),
  ).action((options: SimulateOptions) => simulate(options))
}
