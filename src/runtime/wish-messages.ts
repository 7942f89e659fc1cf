// Wishes about messages: send, at once or at a time, retry, settle, edit, react, delete; and what a visitor of a web chat says.
// Between the bodies that doors have checked and the commands message.*.

import { may, type WishBody } from '#schemas'
import type { CommandData } from '#schemas/log'
import { ConfabError } from '#errors'
import { messageIdOf } from './intake.ts'
import { contentOf, saidOf } from './said.ts'
import {
  always,
  built,
  conversationOf,
  found,
  messageTarget,
  ofMessage,
  outboundIdOf,
  type Built,
  type Facts,
  type WishTable,
} from './wish-parts.ts'

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

/** Throws `request_invalid`: a field that would silently mean nothing is a mistake worth telling. */
const checkSend = ({ internal, mentions, sendAt, unless }: WishBody<'message.send'>): void => {
  const detail =
    mentions !== undefined && internal !== true
      ? 'mentions stand in notes only.'
      : sendAt !== undefined && internal === true
        ? 'a note is not scheduled.'
        : unless !== undefined && sendAt === undefined
          ? 'unless goes with sendAt.'
          : undefined
  if (detail !== undefined) throw new ConfabError('request_invalid', { detail })
}

const send = (body: WishBody<'message.send'>, facts: Facts): Built => {
  checkSend(body)
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
    mentions: body.mentions ?? [],
    sendAt: body.sendAt === undefined ? null : Date.parse(body.sendAt),
    isUnlessReply: body.unless === 'reply',
  }
  return built('message.send', actor, data, messageId)
}

export const messageWishes = {
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
  'message.react': {
    about: 'message',
    permission: ofMessage('message.send'),
    build: ({ emoji }, facts) => built('message.react', conversationOf(facts), { ...messageTarget(facts), emoji, at: facts.now }),
  },
  'message.receive': { about: 'visitor', permission: () => null, build: receive },
} satisfies Partial<WishTable>
