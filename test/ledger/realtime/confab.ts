// Confab for the realtime ledger: one embedded server, three accounts, agents, and tokens of different sight.
// Between the checker's words and the API; audiences are folded here from the events alone, not asked of the server.

import { freePort, removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../../harness.ts'
import { messageSid, signedRequest, testAccount, type TwilioAccount } from '../../twilio-webhooks.ts'
import { runLanes } from '../../fault/lanes.ts'
import type { Scope } from '#schemas'
import { ConfabFollower, readAll } from './confab-follower.ts'
import type { ClientPlan, Driver, Follower, Recording, Target, TrueEvent, Write } from './driver.ts'

const ACCOUNTS = 3
const CONVERSATIONS = 12
const AGENTS = 2
/** Sockets of each plan that is followed more than once. */
const TWINS = 2
const ANSWER_MS = 5_000

interface Row {
  readonly id: string
  readonly contactId: string
  readonly accountId: string
  readonly seq: number
}

interface Account extends TwilioAccount {
  readonly id: string
}

/** What the server refuses for now. */
const isPassing = (status: number): boolean => status === 429 || status >= 500

const phoneOf = (conversation: number): string => `+1555${String(7_000_000 + conversation)}`

const scopeOf = (key: string): Scope => {
  const [kind = '', id = ''] = key.split('/')
  if (kind === 'assignee') return { assignee: 'me' }
  return kind === 'all' ? { all: true } : ({ [kind]: id } as Scope)
}

class ConfabTarget implements Target {
  readonly port: number
  readonly conversations = CONVERSATIONS
  readonly kinds = ['note', 'note', 'note', 'note', 'received', 'received', 'assign', 'contact'] as const
  plans: readonly ClientPlan[] = []
  readonly #directory: string
  #server: RunningServer
  #token = ''
  #accounts: Account[] = []
  #agents: string[] = []
  #rows: Row[] = []
  readonly #tokens = new Map<string, { readonly id: string; readonly text: string }>()

  constructor(server: RunningServer) {
    this.#server = server
    this.port = server.port
    this.#directory = server.dataDirectory
  }

  async start(): Promise<ReadonlyMap<string, number>> {
    this.#token = await this.#server.token()
    for (let n = 0; n < ACCOUNTS; n++) this.#accounts.push(await this.#account(n))
    for (let n = 0; n < AGENTS; n++) {
      const { id } = await this.#server.api<{ id: string }>('/v1/agents', {
        body: { name: `Agent ${n}`, email: `agent${n}@example.com`, role: 'agent' },
      })
      this.#agents.push(id)
    }
    for (let n = 0; n < CONVERSATIONS; n++) await this.write({ kind: 'received', key: messageSid(9, n), conversation: n, agent: undefined })
    const rows = await until('all conversations are listed', async () => {
      const { items } = await this.#server.api<{ items: Row[] }>('/v1/conversations?limit=100')
      return items.length === CONVERSATIONS && items
    })
    const truth = await readAll(this.port, this.#token)
    const received = truth.filter(({ type }) => type === 'message.received')
    this.#rows = Array.from({ length: CONVERSATIONS }, (_, n) => {
      const id = received.find(({ data }) => data['providerMessageId'] === messageSid(9, n))?.subject.id
      const row = rows.find((each) => each.id === id)
      if (row === undefined) throw new Error(`conversation ${n} is not listed`)
      return row
    })
    this.plans = await this.#plan()
    const base = new Map<string, number>()
    for (const { subject, seq } of truth) base.set(subject.id, Math.max(base.get(subject.id) ?? 0, seq))
    return base
  }

  async write({ kind, key, conversation, agent }: Write): Promise<string | undefined> {
    const row = this.#rows[conversation]
    if (kind === 'received') return this.#receive(key, conversation)
    if (row === undefined) throw new Error(`there is no conversation ${conversation}`)
    if (kind === 'contact') return this.#command('PATCH', `/v1/contacts/${row.contactId}`, key, { name: `Person ${key}` })
    if (kind === 'assign')
      return this.#command('POST', `/v1/conversations/${row.id}/assign`, key, { agentId: agent === undefined ? null : this.#agents[agent] })
    return this.#command('POST', `/v1/conversations/${row.id}/messages`, key, { internal: true, text: `note ${key}` })
  }

  follow(plan: ClientPlan, port: number, recording: Recording): Promise<Follower> {
    const token = this.#tokens.get(plan.name)?.text ?? ''
    return Promise.resolve(new ConfabFollower({ port, token, scope: scopeOf(plan.key) }, recording))
  }

  async flip(plan: ClientPlan, accounts: readonly string[] | null): Promise<void> {
    const id = this.#tokens.get(plan.name)?.id ?? ''
    await this.#server.api(`/v1/tokens/${id}`, { method: 'PATCH', body: { accountIds: accounts ?? [] } })
  }

  async kill(): Promise<void> {
    await this.#server.kill()
    await this.#up()
  }

  async restart(): Promise<void> {
    await this.#server.stop()
    await this.#up()
  }

  async truth(): Promise<readonly TrueEvent[]> {
    const accountOf = new Map(this.#rows.map(({ id, accountId }) => [id, accountId]))
    const holders = new Map<string, string>()
    const events = await readAll(this.port, this.#token)
    return events.flatMap(({ id, subject, seq, type, cause, data }): TrueEvent[] => {
      if (subject.kind !== 'conversation' && subject.kind !== 'contact') return []
      const keys = ['all', `${subject.kind}/${subject.id}`]
      const account = accountOf.get(subject.id)
      const before = holders.get(subject.id)
      if (type === 'conversation.assigned') {
        const after = (data['after'] as { id: string } | null)?.id
        if (after === undefined) holders.delete(subject.id)
        else holders.set(subject.id, after)
      }
      for (const holder of new Set([before, holders.get(subject.id)])) if (holder !== undefined) keys.push(`assignee/${holder}`)
      if (account !== undefined) keys.push(`account/${account}`)
      const sid = data['providerMessageId']
      return [{ id, subject: subject.id, seq, type, cause: typeof sid === 'string' ? sid : cause.commandId, account, keys }]
    })
  }

  async stop(): Promise<void> {
    await this.#server.kill()
    await removeDirectory(this.#directory)
  }

  async #up(): Promise<void> {
    this.#server = await startServer({ port: this.port, dataDirectory: this.#directory, environment: { CONFAB_LOG_LEVEL: 'error' } })
  }

  async #account(n: number): Promise<Account> {
    const account = { ...testAccount('', this.#server.url), number: `+1555010${n}` }
    const { id, ingestUrl } = await this.#server.api<{ id: string; ingestUrl: string }>('/v1/accounts', {
      body: {
        channel: 'twilio',
        name: `account ${n}`,
        externalId: account.number,
        credentials: { accountSid: account.accountSid, authToken: account.authToken },
      },
    })
    const { pathname, origin } = new URL(ingestUrl)
    return { ...account, id, path: pathname, publicUrl: origin }
  }

  async #plan(): Promise<ClientPlan[]> {
    const [one, two] = this.#accounts.map(({ id }) => id)
    const [row] = this.#rows
    if (one === undefined || two === undefined || row === undefined) throw new Error('nothing to plan with')
    const wanted: (ClientPlan & { role: string; agentId?: string })[] = []
    const add = (name: string, key: string, rest: Partial<(typeof wanted)[number]> = {}): void => {
      for (let twin = 0; twin < TWINS; twin++)
        wanted.push({ name: `${name} ${twin}`, key, accounts: null, hasNotes: true, flips: false, role: 'integration', ...rest })
    }
    add('all', 'all')
    add('all, no notes', 'all', { role: 'bot', hasNotes: false })
    add('all of one account', 'all', { accounts: [one] })
    add('all, flipped', 'all', { accounts: [one, two], flips: true })
    add('account', `account/${two}`)
    add('conversation', `conversation/${row.id}`)
    add('contact', `contact/${row.contactId}`)
    for (const id of this.#agents)
      wanted.push({
        name: `assignee ${id}`,
        key: `assignee/${id}`,
        accounts: null,
        hasNotes: true,
        flips: false,
        role: 'agent',
        agentId: id,
      })
    for (const { role, agentId, ...plan } of wanted) {
      const { id, token } = await this.#server.api<{ id: string; token: string }>('/v1/tokens', {
        body: { name: plan.name, role, accountIds: plan.accounts ?? [], ...(agentId === undefined ? {} : { agentId }) },
      })
      this.#tokens.set(plan.name, { id, text: token })
    }
    return wanted
  }

  async #command(method: string, path: string, key: string, body: object): Promise<string | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      const text = await answer.text()
      if (answer.ok) return (JSON.parse(text) as { commandId: string }).commandId
      if (isPassing(answer.status)) return undefined
      throw new Error(`${method} ${path.replace(/[\w-]{20,}/, ':id')}: ${answer.status} ${text}`, { cause: answer.status })
    } catch (error) {
      if (error instanceof Error && typeof error.cause === 'number') throw error
      return undefined
    }
  }

  async #receive(sid: string, conversation: number): Promise<string | undefined> {
    const account = this.#accounts[conversation % ACCOUNTS]
    if (account === undefined) throw new Error('there is no account')
    const request = signedRequest(account, { sid, from: phoneOf(conversation), text: `text of ${sid}` })
    const whenUp = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await runLanes({ port: () => this.port, lanes: [[request]], onAccepted: () => undefined, whenUp, answerMs: ANSWER_MS })
    return sid
  }
}

export const confabDriver: Driver = {
  name: 'confab',
  async open() {
    const port = await freePort()
    return new ConfabTarget(
      await startServer({ port, dataDirectory: await temporaryDirectory(), environment: { CONFAB_LOG_LEVEL: 'error' } }),
    )
  },
}
