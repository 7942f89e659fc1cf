// The table of wishes: what each command of the API needs to be allowed, and the command it becomes in the log.
// Between the bodies that doors have checked and the actors, which decide; it reads nothing itself.

import { may, type Contact, type Conversation, type Grants, type Message, type Permission, type WishBody, type WishName } from '#schemas'
import { deriveKeyed, type Account, type Attachment, type CommandData, type CommandType, type SubjectKind } from '#schemas/log'
import { ConfabError } from '#errors'
import { contactIdOf, conversationIdOf, messageIdOf } from './intake.ts'
import { contentOf, saidOf } from './said.ts'
import { typedAddress } from './typed-address.ts'

/** Everything a wish may look at, brought by whoever carries it out. */
export interface Facts {
  readonly grants: Grants
  readonly idKey: Buffer
  /** The client's own key, drawn where none came. */
  readonly key: string
  readonly clientKey: string | null
  readonly now: number
  readonly conversation: Conversation | null
  readonly message: Message | null
  readonly contact: Contact | null
  readonly account: Account | null
  /** Uploads named in the body, in their order. */
  readonly attachments: readonly Attachment[]
}

export interface Built {
  readonly type: CommandType
  readonly actor: { readonly kind: SubjectKind; readonly id: string }
  readonly data: CommandData[CommandType]
  /** The message it makes, known before the decision. */
  readonly messageId?: string
}

/** What must exist and be visible: `conversation`, `message` and `contact` by the target's id, `account` by the body's, `visitor` by the token. */
export type About = 'conversation' | 'message' | 'contact' | 'account' | 'visitor'

interface Wish<N extends WishName> {
  readonly about: About
  /** null: nobody but the contact whose token it is. */
  permission(body: WishBody<N>, message: Message | null): Permission | null
  build(body: WishBody<N>, facts: Facts): Built
}

const built = <T extends CommandType>(type: T, actor: Built['actor'], data: CommandData[T], messageId?: string): Built => ({
  type,
  actor,
  data,
  ...(messageId === undefined ? {} : { messageId }),
})

/** Facts that `about` has promised; a missing one is our own mistake. */
const found = <T>(value: T | null): T => {
  if (value === null) throw new ConfabError('internal')
  return value
}

const conversationOf = (facts: Facts): Built['actor'] => ({ kind: 'conversation', id: found(facts.conversation).id })
const contactOf = (facts: Facts): Built['actor'] => ({ kind: 'contact', id: found(facts.contact).id })

/** An outbound message's id: of (conversation, principal, key), under a key that no client has. */
const outboundIdOf = ({ idKey, grants, key }: Facts, conversationId: string): string =>
  deriveKeyed(idKey, 'outbound', [conversationId, grants.kind, grants.id, key])

const messageTarget = (facts: Facts): { messageId: string } => ({ messageId: found(facts.message).id })

const ofMessage =
  (permission: Permission) =>
  (_body: unknown, message: Message | null): Permission =>
    message?.direction === 'note' ? 'note.write' : permission

const always = (permission: Permission) => (): Permission => permission
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
  }
  return built('conversation.start', { kind: 'conversation', id }, data, content === null ? undefined : messageId)
}

const receive = (body: WishBody<'message.receive'>, facts: Facts): Built => {
  const { grants, idKey, key, now } = facts
  const account = found(facts.account)
  const userId = found(grants.visitorId ?? null)
  const clientId = `${userId}/${key}`
  const messageId = messageIdOf(idKey, account.id, clientId)
  const data: CommandData['message.receive'] = {
    messageId,
    accountId: account.id,
    channel: 'web',
    contactId: grants.id,
    address: { userId, threadId: null, accountAddress: null },
    profile: null,
    content: { ...contentOf(body, facts), providerMessageId: clientId },
    providerAt: null,
    receivedAt: now,
  }
  return built('message.receive', { kind: 'conversation', id: found(grants.conversationId ?? null) }, data, messageId)
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

/** The actor merges; an empty value removes. */
const changesOf = (attributes: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value ?? '']))

const changeContact = (body: WishBody<'contact.change'>, facts: Facts): Built => {
  const before = found(facts.contact)
  const { attributes, ...fields } = body
  const isProfile = Object.keys(fields).length > 0
  const profile = {
    name: before.name,
    emails: before.emails,
    phones: before.phones,
    locale: before.locale,
    timezone: before.timezone,
    company: before.company,
    avatarUrl: before.avatar,
    userId: before.identities[0]?.userId ?? null,
    ...fields,
  }
  return built('contact.change', contactOf(facts), {
    profile: isProfile ? profile : null,
    attributes: attributes === undefined ? null : changesOf(attributes),
  })
}

type Table = { readonly [N in WishName]: Wish<N> }

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
    build: ({ attributes }, facts) => built('conversation.change', conversationOf(facts), { attributes: changesOf(attributes) }),
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
} satisfies Partial<Table>

const send = (body: WishBody<'message.send'>, facts: Facts): Built => {
  const actor = conversationOf(facts)
  const messageId = outboundIdOf(facts, actor.id)
  const data: CommandData['message.send'] = {
    messageId,
    content: contentOf(saidOf(body), facts),
    isInternal: body.internal ?? false,
    seenSeq: body.seenSeq ?? null,
    isOverride: body.override ?? false,
    mayReplyAny: may(facts.grants, 'conversation.reply-any'),
    replyTo: body.replyTo ?? null,
  }
  return built('message.send', actor, data, messageId)
}

const messageWishes = {
  'message.send': {
    about: 'conversation',
    permission: ({ internal }) => (internal === true ? 'note.write' : 'message.send'),
    build: send,
  },
  'message.retry': {
    about: 'message',
    permission: ofMessage('message.send'),
    build: ({ risk }, facts) =>
      built('message.retry', conversationOf(facts), { ...messageTarget(facts), acceptsDuplicate: risk === 'duplicate' }),
  },
  'message.settle': {
    about: 'message',
    permission: always('message.settle'),
    build: ({ as }, facts) => built('message.settle', conversationOf(facts), { ...messageTarget(facts), as }),
  },
  'message.edit': {
    about: 'message',
    permission: ofMessage('message.send'),
    build: ({ text }, facts) => built('message.edit', conversationOf(facts), { ...messageTarget(facts), text }),
  },
  'message.delete': {
    about: 'message',
    permission: ofMessage('message.send'),
    build: (_body, facts) => built('message.delete', conversationOf(facts), messageTarget(facts)),
  },
  'message.receive': { about: 'visitor', permission: () => null, build: receive },
} satisfies Partial<Table>

const contactWishes = {
  'contact.change': { about: 'contact', permission: always('contact.change'), build: changeContact },
  'contact.label': {
    about: 'contact',
    permission: always('contact.change'),
    build: ({ add, remove }, facts) => built('contact.label', contactOf(facts), { add: add ?? [], remove: remove ?? [] }),
  },
  'contact.block': {
    about: 'contact',
    permission: always('contact.block'),
    build: (_body, facts) => built('contact.block', contactOf(facts), {}),
  },
  'contact.unblock': {
    about: 'contact',
    permission: always('contact.block'),
    build: (_body, facts) => built('contact.unblock', contactOf(facts), {}),
  },
  'contact.erase': {
    about: 'contact',
    permission: always('contact.erase'),
    build: ({ reason }, facts) => built('contact.erase', contactOf(facts), { reason }),
  },
  'contact.acknowledge': {
    about: 'visitor',
    permission: () => null,
    build: ({ deliveredUpTo, readUpTo }, { grants }) =>
      built(
        'contact.acknowledge',
        { kind: 'conversation', id: found(grants.conversationId ?? null) },
        { deliveredUpTo: deliveredUpTo ?? null, readUpTo: readUpTo ?? null },
      ),
  },
} satisfies Partial<Table>

export const wishTable: Table = { ...conversationWishes, ...messageWishes, ...contactWishes }
