// Rows, messages and events as the API and the socket show them, with only what a test is about spelt out.

import type { Conversation, EventShape, Message } from '#schemas'
import { emptyThread, type InboxState, type Me } from '../../src/inbox/state/model.ts'

export const me: Me = {
  id: 'agent-me',
  name: 'Mina Okafor',
  email: 'mina@example.com',
  role: 'owner',
  organizationName: 'Lamps',
  permissions: ['audit.read'],
}

export const minute = (at: number): string => new Date(Date.UTC(2026, 0, 5, 12, at)).toISOString()

export const rowOf = (change: Partial<Conversation> = {}): Conversation => ({
  id: 'conversation-1',
  ref: 'abcdefgh',
  organizationId: 'organization',
  accountId: 'account',
  channel: 'web',
  contactId: 'contact-1',
  contact: { id: 'contact-1', name: 'Ada Lovelace', address: null },
  state: 'open',
  snoozedUntil: null,
  cycle: 1,
  assignee: null,
  teamId: null,
  priority: 'none',
  labels: [],
  attributes: {},
  window: null,
  isBlocked: false,
  startedBy: { kind: 'contact', id: 'contact-1' },
  createdAt: minute(0),
  lastActivityAt: minute(0),
  lastInboundAt: null,
  lastReplyAt: null,
  waitingSince: null,
  firstReplyAt: null,
  seq: 1,
  contactSeq: 1,
  receipts: { delivered: 0, read: 0 },
  lastMessage: null,
  unread: 0,
  ...change,
})

export const messageOf = (seq: number, direction: Message['direction'], change: Partial<Message> = {}): Message => ({
  id: `message-${seq}`,
  conversationId: 'conversation-1',
  seq,
  contactSeq: seq,
  orderAt: minute(seq),
  direction,
  author: direction === 'in' ? { kind: 'contact', id: 'contact-1' } : { kind: 'agent', id: me.id },
  content: { kind: 'text', text: `text ${seq}` },
  at: minute(seq),
  receivedAt: null,
  replyTo: null,
  send: direction === 'out' ? { state: 'sent', reason: null, providerCode: null, attempt: 1 } : null,
  edits: 0,
  isDeleted: false,
  isErased: false,
  ...change,
})

export const eventOf = (seq: number, type: string, data: Record<string, unknown> = {}, change: Partial<EventShape> = {}): EventShape => ({
  id: `event-${seq}`,
  type,
  organizationId: 'organization',
  subject: { kind: 'conversation', id: 'conversation-1' },
  conversationId: 'conversation-1',
  seq,
  contactSeq: seq,
  at: minute(seq),
  by: { kind: 'contact', id: 'contact-1' },
  cause: { commandId: 'command' },
  data,
  ...change,
})

export const received = (seq: number): EventShape =>
  eventOf(seq, 'message.received', {
    messageId: `message-${seq}`,
    kind: 'text',
    orderAt: minute(seq),
    receivedAt: minute(seq),
    content: { kind: 'text', text: `text ${seq}` },
  })

export const queued = (seq: number, clientId?: string): EventShape =>
  eventOf(
    seq,
    'message.queued',
    {
      messageId: `message-${seq}`,
      kind: 'text',
      orderAt: minute(seq),
      attempt: 1,
      content: { kind: 'text', text: `text ${seq}` },
      ...(clientId === undefined ? {} : { clientId }),
    },
    { by: { kind: 'agent', id: me.id } },
  )

export const stateOf = (change: Partial<InboxState> = {}): InboxState => ({
  me,
  connection: { state: 'live' },
  rows: new Map([['conversation-1', rowOf()]]),
  lists: {},
  counts: { mine: 0, unassigned: 1, all: 1, waiting: 0, snoozed: 0, resolved: 0 },
  threads: new Map([['conversation-1', { ...emptyThread, isLoaded: true, seq: 1 }]]),
  contacts: new Map(),
  agents: new Map(),
  labels: new Map(),
  accounts: new Map(),
  typing: new Set(),
  toasts: [],
  ...change,
})
