// The table of wishes: what each command of the API needs to be allowed, and the command it becomes in the log.
// Between the bodies that doors have checked and the actors, which decide; it reads nothing itself.

import { may, type Permission, type WishBody } from '#schemas'
import type { CommandData } from '#schemas/log'
import { ConfabError } from '#errors'
import { contactIdOf, conversationIdOf } from './intake.ts'
import { contentOf, saidOf } from './said.ts'
import { typedAddress } from './typed-address.ts'
import { contactWishes } from './wish-contacts.ts'
import { messageWishes } from './wish-messages.ts'
import { always, built, changesOf, conversationOf, found, outboundIdOf, type Built, type Facts, type WishTable } from './wish-parts.ts'

const start = (body: WishBody<'conversation.start'>, facts: Facts): Built => {
  const account = found(facts.account)
  if (account.channel === 'web') throw new ConfabError('not_on_this_channel', { detail: 'A web chat is started by its visitor.' })
  const to = typedAddress(account.channel, body.to)
  const place = { userId: to, threadId: null }
  const id = conversationIdOf(facts.idKey, account.id, place)
  const messageId = outboundIdOf(facts, id)
  const profile =
    body.name === undefined
      ? null
      : { name: body.name, emails: [], phones: [], avatarUrl: null, locale: null, timezone: null, company: null, userId: to }
  const content = body.content === undefined ? null : contentOf(saidOf(body), facts)
  const data: CommandData['conversation.start'] = {
    messageId,
    accountId: account.id,
    channel: account.channel,
    contactId: contactIdOf(facts.idKey, account.id, to),
    address: { ...place, accountAddress: account.externalId },
    profile,
    content,
    state: body.state ?? null,
  }
  return built('conversation.start', { kind: 'conversation', id }, data, content === null ? undefined : messageId)
}

const assign = (body: WishBody<'conversation.assign'>, facts: Facts): Built => {
  const now = found(facts.conversation)
  if (body.agentId === undefined && body.botId === undefined && body.teamId === undefined) {
    throw new ConfabError('request_invalid', { detail: 'agentId, botId or teamId is required.' })
  }
  const to =
    body.botId !== undefined
      ? ({ kind: 'bot', id: body.botId } as const)
      : body.agentId === undefined
        ? now.assignee
        : body.agentId === null
          ? null
          : ({ kind: 'agent', id: body.agentId } as const)
  return built('conversation.assign', conversationOf(facts), {
    to,
    teamId: body.teamId === undefined ? now.teamId : body.teamId,
    expect: body.expect ?? null,
    hasExpect: body.expect !== undefined,
  })
}

/** Wishes that only address a conversation: nothing in them but the actor. */
const bare = (
  type: 'conversation.claim' | 'conversation.release' | 'conversation.resolve' | 'conversation.reopen',
  permission: Permission,
) => ({
  about: 'conversation' as const,
  permission: always(permission),
  build: (_body: Record<string, never>, facts: Facts) => built(type, conversationOf(facts), {}),
})

const conversationWishes = {
  'conversation.start': { about: 'account', permission: always('conversation.start'), build: start },
  'conversation.assign': { about: 'conversation', permission: always('conversation.assign'), build: assign },
  'conversation.claim': bare('conversation.claim', 'conversation.claim'),
  'conversation.release': bare('conversation.release', 'conversation.claim'),
  'conversation.resolve': bare('conversation.resolve', 'conversation.change'),
  'conversation.reopen': bare('conversation.reopen', 'conversation.change'),
  'conversation.snooze': {
    about: 'conversation',
    permission: always('conversation.change'),
    build: ({ until }, facts) =>
      built('conversation.snooze', conversationOf(facts), { until: until === 'reply' ? null : Date.parse(until) }),
  },
  'conversation.label': {
    about: 'conversation',
    permission: always('conversation.change'),
    build: ({ add, remove }, facts) => built('conversation.label', conversationOf(facts), { add: add ?? [], remove: remove ?? [] }),
  },
  'conversation.prioritize': {
    about: 'conversation',
    permission: always('conversation.change'),
    build: ({ priority }, facts) => built('conversation.prioritize', conversationOf(facts), { priority }),
  },
  'conversation.change': {
    about: 'conversation',
    permission: always('conversation.change'),
    build: ({ attributes, participants }, facts) =>
      built('conversation.change', conversationOf(facts), {
        attributes: changesOf(attributes ?? {}),
        participants: participants ?? null,
      }),
  },
  'conversation.handover': {
    about: 'conversation',
    permission: always('conversation.handover'),
    build: ({ action, to, reason, context }, facts) =>
      built('conversation.handover', conversationOf(facts), {
        action,
        to: to === undefined || to === 'next' ? null : to,
        isNext: to === 'next',
        reason: reason ?? null,
        context: context ?? null,
        mayAssign: may(facts.grants, 'conversation.assign'),
      }),
  },
  'conversation.read': {
    about: 'conversation',
    permission: always('marks.write'),
    build: ({ upToSeq, unreadFrom }, facts) =>
      built('conversation.read', conversationOf(facts), { readUpTo: upToSeq ?? null, unreadFrom: unreadFrom ?? null }),
  },
  'conversation.draft': {
    about: 'conversation',
    permission: always('marks.write'),
    build: ({ text, internal, rev }, facts) => built('conversation.draft', conversationOf(facts), { text, isNote: internal ?? false, rev }),
  },
  'conversation.erase': {
    about: 'conversation',
    permission: always('conversation.erase'),
    build: ({ reason }, facts) => built('conversation.erase', conversationOf(facts), { reason }),
  },
} satisfies Partial<WishTable>

export const wishTable: WishTable = { ...conversationWishes, ...messageWishes, ...contactWishes }
