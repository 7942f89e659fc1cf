// `scopes`: 1,000 agents follow 50 accounts; what an event costs that 1 % of them are sent, against the same with its recipients alone.

import { testAccount, type TwilioAccount } from '../test/twilio-webhooks.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { cpuOf, openBare, openClients, openConfab, withSite, type PublishOptions, type Site } from './socket-sites.ts'

const ACCOUNTS = 50
const AGENTS = 1_000
const MATCHING = 10
const IN_FLIGHT = 8

interface Following {
  readonly scope?: object
  readonly room?: string
}

/** CPU milliseconds of the server for one event; each of `sockets` that match gets each. */
const costOf = async (site: Site, counter: { count: number }, events: number, options: PublishOptions): Promise<number> => {
  counter.count = 0
  const before = await cpuOf(site.pid())
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < events) await site.publish(next++, options)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const end = performance.now() + 20_000
  while (counter.count < events * MATCHING && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
  if (counter.count !== events * MATCHING) throw new Error(`${counter.count} of ${events * MATCHING} deliveries`)
  return ((await cpuOf(site.pid())) - before) / events
}

interface Setup {
  readonly followingOf: (n: number) => Following
  readonly publish: PublishOptions
}

const measure = async (site: Site, setup: Setup, events: number): Promise<{ alone: number; all: number }> => {
  const counter = { count: 0 }
  const onEvent = (): void => void counter.count++
  const few = await openClients(site, MATCHING, () => ({ onEvent, ...setup.followingOf(0) }))
  await costOf(site, counter, events, setup.publish)
  const alone = await costOf(site, counter, events, setup.publish)
  const many = await openClients(site, AGENTS - MATCHING, (n) => ({ onEvent, ...setup.followingOf(1 + (n % (ACCOUNTS - 1))) }))
  const all = await costOf(site, counter, events, setup.publish)
  for (const socket of [...few, ...many]) socket.close()
  return { alone, all }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const events = isQuick ? 1_500 : 10_000
  const confab = await withSite(openConfab(AGENTS), async (site) => {
    const accounts: (TwilioAccount & { readonly id: string })[] = []
    for (let n = 0; n < ACCOUNTS; n++) {
      const account = { ...testAccount('', site.server.url), number: `+15552${String(n).padStart(4, '0')}` }
      const { id, ingestUrl } = await site.server.api<{ id: string; ingestUrl: string }>('/v1/accounts', {
        body: {
          channel: 'twilio',
          name: `account ${n}`,
          externalId: account.number,
          credentials: { accountSid: account.accountSid, authToken: account.authToken },
        },
      })
      const { pathname, origin } = new URL(ingestUrl)
      accounts.push({ ...account, id, path: pathname, publicUrl: origin })
    }
    const [account] = accounts
    if (account === undefined) throw new Error('no account')
    // Its conversations have begun before anything is counted: later each message is one event.
    for (let n = 0; n < 100; n++) await site.publish(-1, { account })
    return measure(site, { followingOf: (n) => ({ scope: { account: accounts[n]?.id ?? '' } }), publish: { account } }, events)
  })
  const rooms: Setup = { followingOf: (n) => ({ room: `account/${n}` }), publish: { keys: ['account/0'] } }
  const ws = await withSite(openBare('ws'), (site) => measure(site, rooms, events))
  const socketio = await withSite(openBare('socketio'), (site) => measure(site, rooms, events))
  for (const [name, { alone, all }] of Object.entries({ confab, ws, 'socket.io': socketio }))
    say(`${name}: ${round(alone, 3)} ms CPU an event with its ${MATCHING} recipients alone, ${round(all, 3)} ms among ${AGENTS}`)
  return {
    ratio: round(confab.all / confab.alone),
    baselineRatio: round(ws.all / ws.alone),
    socketioRatio: round(socketio.all / socketio.alone),
    cpuMsPerEvent: round(confab.all),
    cpuMsPerEventAlone: round(confab.alone),
    baselineCpuMsPerEvent: round(ws.all),
    socketioCpuMsPerEvent: round(socketio.all),
  }
}

export const scopes: Benchmark = {
  name: 'scopes',
  explains:
    '1,000 agents follow 50 accounts; CPU of the server for an event of one account, which 10 of them follow, against the same with those 10 alone; baselines: rooms of bare ws and of Socket.IO.',
  fields: 'ratio (among all against its recipients alone), baselineRatio, socketioRatio, cpuMsPerEvent…',
  goal: 'ratio <= 1.5',
  run,
}
