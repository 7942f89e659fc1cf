// The built inbox over a site made up by a test: its pages from dist/, its API and socket answered in the browser's own network layer.
// For what a real site shows rarely or never at once: ten thousand rows, every state of a send, a window that closes.

import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Page, Route, WebSocketRoute } from 'playwright-core'
import type { Conversation, EventShape, Message } from '#schemas'
import { me, rowOf } from '../web/fixtures.ts'

const SITE = 'http://inbox.example'
const dist = join(import.meta.dirname, '..', '..', 'dist')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

export interface FixtureSite {
  readonly rows: readonly Conversation[]
  /** By conversation, oldest first. */
  readonly messages?: Readonly<Record<string, readonly Message[]>>
  readonly events?: readonly EventShape[]
  /** Answers of the API by path, before the usual ones. */
  readonly answers?: Readonly<Record<string, unknown>>
  readonly permissions?: readonly string[]
  /** False: someone who has to sign in. */
  readonly isSignedIn?: boolean
}

export interface Command {
  readonly type: string
  readonly [field: string]: unknown
}

export interface RunningSite {
  readonly url: string
  /** What the page asked of the socket. */
  readonly commands: Command[]
  event(event: EventShape): void
}

const everything = [
  'conversation.read',
  'conversation.change',
  'message.send',
  'search',
  'contact.read',
  'audit.read',
  'account.write',
  'agent.write',
  'label.write',
  'token.read',
  'token.write',
]

const countsOf = (rows: readonly Conversation[]): object => ({
  byState: Object.groupBy(rows, ({ state }) => state),
  mine: rows.filter(({ assignee }) => assignee?.id === me.id).length,
  unassigned: rows.filter(({ assignee }) => assignee === null).length,
})

const settings: Readonly<Record<string, readonly object[]>> = {
  '/v1/agents': [
    { id: me.id, name: me.name, email: me.email, role: 'owner', isActive: true },
    { id: 'jonas', name: 'Jonas Weber', email: 'jonas@example.com', role: 'agent', isActive: true },
  ],
  '/v1/labels': [
    { id: 'vip', name: 'VIP', color: '#2f6fd6' },
    { id: 'refund', name: 'Refund', color: '#c83f54' },
  ],
  '/v1/accounts': [{ id: 'account', name: 'Lamps & shades', channel: 'web', externalId: '', isActive: true }],
  '/v1/tokens': [{ id: 'token', name: 'Order notices', role: 'integration' }],
}

const answerOf = (site: FixtureSite, path: string): unknown => {
  const known = Object.entries(site.answers ?? {}).find(([start]) => path.startsWith(start))
  if (known !== undefined) return known[1]
  const [bare = ''] = path.split('?')
  if (bare in settings) return { items: settings[bare], next: null }
  if (bare === '/v1/conversations') return { items: [], next: null }
  if (bare === '/v1/counts') {
    const { byState, ...rest } = countsOf(site.rows) as { byState: Record<string, unknown[]> }
    return { ...rest, byState: Object.fromEntries(Object.entries(byState).map(([state, rows]) => [state, rows.length])) }
  }
  if (bare === '/v1/me')
    return {
      principal: { kind: 'agent', id: me.id, role: 'owner' },
      name: me.name,
      email: me.email,
      permissions: site.permissions ?? everything,
      organization: { name: 'Lamps & shades' },
      csrf: 'csrf',
    }
  if (bare === '/v1/sessions/token') return { token: 'token', expiresAt: new Date(Date.now() + 3_600_000).toISOString() }
  if (bare.endsWith('/events')) return { items: site.events ?? [], next: null }
  const one = /^\/v1\/conversations\/([^/]+)$/.exec(bare)?.[1]
  if (one !== undefined) return site.rows.find(({ id }) => id === one) ?? null
  const contact = /^\/v1\/contacts\/([^/]+)$/.exec(bare)?.[1]
  if (contact !== undefined)
    return {
      id: contact,
      name: 'Ada Lovelace',
      emails: ['ada@example.com'],
      phones: ['+15550100'],
      identities: [],
      attributes: { plan: 'gold' },
      labels: [],
      locale: 'en',
      company: 'Engines Ltd',
      createdAt: new Date().toISOString(),
    }
  return { items: [], next: null }
}

/** Speaks for a server that says yes to everything and is always at the head. */
const answerSocket = (socket: WebSocketRoute, site: FixtureSite, commands: Command[]): void => {
  const send = (frame: object): void => socket.send(JSON.stringify(frame))
  const subscribe = ({ id, scope }: { id: string; scope: Readonly<Record<string, unknown>> }): void => {
    const conversationId = scope['conversation']
    send({ frame: 'subscribed', id, cursor: 'cursor' })
    if (typeof conversationId === 'string') {
      const items = site.rows.filter((row) => row.id === conversationId)
      send({ frame: 'snapshot', id, items, messages: site.messages?.[conversationId] ?? [], states: [], asOf: 'cursor', conversationId })
    } else send({ frame: 'snapshot', id, items: site.rows, asOf: 'cursor' })
    send({ frame: 'checkpoint', cursor: 'cursor' })
  }
  socket.onMessage((text) => {
    const frame = JSON.parse(String(text)) as Command & { frame: string; id: string; scope: Record<string, unknown> }
    if (frame.frame === 'hello') {
      send({
        frame: 'welcome',
        sessionId: 's',
        principal: { kind: 'agent', id: me.id },
        cursor: 'cursor',
        serverTime: new Date().toISOString(),
      })
      for (const wish of frame['subscriptions'] as { id: string; scope: Record<string, unknown> }[]) subscribe(wish)
    } else if (frame.frame === 'subscribe') subscribe(frame)
    else if (frame.frame === 'ping') send({ frame: 'pong' })
    else if (frame.frame === 'command') {
      commands.push(frame)
      if (frame.type !== 'message.send') send({ frame: 'result', id: frame.id, ok: {}, position: 'cursor' })
    }
  })
}

const serve = async (route: Route, site: FixtureSite): Promise<void> => {
  const { pathname, search } = new URL(route.request().url())
  if (pathname.startsWith('/v1/')) {
    if (site.isSignedIn === false)
      return route.fulfill({ status: 401, json: { type: '', title: 'Sign in.', status: 401, code: 'unauthenticated' } })
    return route.fulfill({ json: answerOf(site, pathname + search) })
  }
  const file = extname(pathname) === '' ? '/inbox/index.html' : pathname
  return route.fulfill({ body: await readFile(join(dist, file)), contentType: types[extname(file)] ?? 'application/octet-stream' })
}

/** Opens the inbox at `path` over a site; the page must be built. */
export const openFixture = async (page: Page, site: FixtureSite, path = '/inbox/'): Promise<RunningSite> => {
  const commands: Command[] = []
  let socket: WebSocketRoute | undefined
  await page.route(`${SITE}/**`, (route) => serve(route, site))
  await page.routeWebSocket(/\/v1\/socket/, (opened) => {
    socket = opened
    answerSocket(opened, site, commands)
  })
  await page.goto(SITE + path)
  return {
    url: SITE,
    commands,
    event: (event) => socket?.send(JSON.stringify({ frame: 'event', cursor: 'cursor', slot: 0, event })),
  }
}

const first = ['Ada', 'Grace', 'Mary', 'Alan', 'Radia', 'Linus', 'Barbara', 'Edsger', 'Hedy', 'Ken']
const last = ['Lovelace', 'Hopper', 'Somerville', 'Turing', 'Perlman', 'Pauling', 'Liskov', 'Dijkstra', 'Lamarr', 'Thompson']

/** Many conversations, each of its own minute, newest first. */
export const manyRows = (count: number, now = Date.now()): Conversation[] =>
  Array.from({ length: count }, (_, index) => {
    const at = new Date(now - index * 60_000).toISOString()
    return rowOf({
      id: `conversation-${index + 1}`,
      contactId: `contact-${index}`,
      contact: { id: `contact-${index}`, name: `${first[index % 10] ?? ''} ${last[Math.floor(index / 10) % 10] ?? ''}`, address: null },
      createdAt: at,
      lastActivityAt: at,
      lastMessage: {
        id: `message-${index}`,
        direction: 'in',
        author: { kind: 'contact', id: `contact-${index}` },
        preview: `Where is my order ${1_000 + index}?`,
        at,
        sendState: null,
        seq: 1,
        contactSeq: 1,
      },
    })
  })
