// `confab fake`: providers on this machine, for trying Confab without an account anywhere: the Graph API, Twilio, a connector.
// Between a person at a terminal and a server whose CONFAB_GRAPH_API_URL and CONFAB_TWILIO_API_URL point here; it can misbehave on demand.

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '#config'
import { ConfabError } from '#errors'
import { callBack, mishapOf, type Faults } from './fakes/faults.ts'
import { FakeGraph, textIn, type GraphBehaviour, type GraphCreate } from './fakes/graph.ts'
import type { Simulated, SimulatedAccount } from './fakes/people.ts'
import { fakeConnector, fakeTwilio, type Post } from './fakes/receivers.ts'
import { pageEntries, signedByMeta, whatsappChange } from './fakes/webhooks.ts'

interface FakeOptions {
  readonly url?: string
  readonly port: string
  readonly failures: string
  readonly latency: string
  readonly duplicates: string
}

const part = (name: string, text: string): number => {
  const value = Number(text)
  if (!(value >= 0 && value <= 1)) throw new ConfabError('option_invalid', { detail: `--${name} expects a part from 0 to 1.` })
  return value
}

const whole = (name: string, text: string, max: number): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new ConfabError('option_invalid', { detail: `--${name} expects a whole number up to ${max}.` })
  return value
}

/** What `confab simulate` has made: its secrets sign what the fakes call back. */
const accountOf = (channel: Simulated): SimulatedAccount | undefined => {
  const path = join(loadConfig().dataDirectory, `simulate-${channel}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SimulatedAccount) : undefined
}

const behaviourOf = (faults: Faults): GraphBehaviour => {
  switch (mishapOf(faults)) {
    case 'none':
      return { kind: 'accept' }
    case 'throttled':
      return { kind: 'answer', status: 429, code: 613 }
    case 'error':
      return { kind: 'accept-then-500' }
    case 'dropped':
      return { kind: 'accept-then-drop' }
  }
}

const statusesOf = ({ id, to, body }: GraphCreate, account: SimulatedAccount) =>
  ['sent', 'delivered', 'read'].map((status) =>
    whatsappChange(account.externalId, {
      statuses: [
        {
          id,
          status,
          timestamp: String(Math.floor(Date.now() / 1000)),
          recipient_id: to,
          biz_opaque_callback_data: body['biz_opaque_callback_data'],
        },
      ],
    }),
  )

const echoesOf = ({ id, to, message }: GraphCreate, account: SimulatedAccount, object: 'page' | 'instagram') => {
  const at = Date.now()
  const [us, them] = [{ id: account.externalId }, { id: to }]
  const metadata = message['metadata'] === undefined ? {} : { metadata: message['metadata'] }
  const echo = {
    sender: us,
    recipient: them,
    timestamp: at,
    message: { mid: id, is_echo: true, text: textIn({ message } as GraphCreate), ...metadata },
  }
  const delivery = { sender: them, recipient: us, timestamp: at, delivery: { mids: [id], watermark: at } }
  const read = { sender: them, recipient: us, timestamp: at, read: object === 'instagram' ? { mid: id } : { watermark: at } }
  return [echo, delivery, read].map((item) => pageEntries(object, account.externalId, [item], at))
}

/** What Meta would post after a send: an echo or statuses, in the account's own dialect. */
const callbacksOf = (create: GraphCreate, post: Post): (() => Promise<unknown>)[] => {
  const channel: Simulated = create.channel === 'whatsapp' ? 'whatsapp' : create.path.endsWith('me') ? 'instagram' : 'messenger'
  const account = accountOf(channel)
  if (account === undefined) return []
  const bodies =
    channel === 'whatsapp' ? statusesOf(create, account) : echoesOf(create, account, channel === 'messenger' ? 'page' : 'instagram')
  return bodies.map((body) => () => post(account.ingestUrl, signedByMeta(body, account.credentials['appSecret'] ?? '')))
}

const fake = async (options: FakeOptions): Promise<void> => {
  const port = whole('port', options.port, 65_533)
  const faults: Faults = {
    failures: part('failures', options.failures),
    duplicates: part('duplicates', options.duplicates),
    latencyMs: whole('latency', options.latency, 60_000),
    random: Math.random,
  }
  // Webhooks need no token: whoever has none yet can start the fakes first.
  const url = options.url ?? `http://127.0.0.1:${loadConfig().port}`
  const post: Post = async (target, { headers, body }) => {
    const { pathname, search } = new URL(target)
    const answer = await fetch(`${url}${pathname}${search}`, { method: 'POST', headers, body })
    await answer.arrayBuffer()
  }
  const graph = new FakeGraph()
  graph.draw = () => behaviourOf(faults)
  graph.onCreate = (create) => void callBack(faults, callbacksOf(create, post))
  const twilio = fakeTwilio(faults, post)
  const connector = fakeConnector(faults, post, () => {
    const account = accountOf('custom')
    return account === undefined ? undefined : { secret: account.credentials['secret'] ?? '', ingestUrl: account.ingestUrl }
  })
  const addresses = [await graph.listen(port)]
  for (const [index, { server }] of [twilio, connector].entries()) {
    server.listen(port === 0 ? 0 : port + 1 + index, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    addresses.push(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`)
  }
  console.log(
    `CONFAB_GRAPH_API_URL=${addresses[0]}\nCONFAB_TWILIO_API_URL=${addresses[1]}\nsendUrl of a custom account: ${addresses[2]}/send`,
  )
  console.log('Start the server with these and CONFAB_EGRESS_ALLOW=127.0.0.0/8, then try: confab simulate --channel all')
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  console.log(`taken: ${graph.creates.length} by the Graph API, ${twilio.count()} by Twilio, ${connector.count()} by the connector`)
  await graph.close()
  for (const { server } of [twilio, connector]) {
    server.closeAllConnections()
    server.close()
  }
}

export const addFake = (program: Command): void => {
  program
    .command('fake')
    .description('run providers on this machine that take messages, call back, and misbehave on demand')
    .addHelpText('after', '\nExamples:\n  confab fake\n  confab fake --failures 0.05 --latency 300 --duplicates 0.2')
    .option('--port <n>', 'port of the Graph API; Twilio and the connector take the next two; 0 = free ones', '4800')
    .option('--failures <part>', 'part of all sends that fail: 429, 5xx and broken connections after the message was taken', '0')
    .option('--latency <ms>', 'milliseconds before each answer and callback, at most', '0')
    .option('--duplicates <part>', 'part of all messages whose callbacks come twice and out of order', '0')
    .option('--url <url>', 'where the server runs (default: this machine, CONFAB_PORT)')
    .action((options: FakeOptions) => fake(options))
}
