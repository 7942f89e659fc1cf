// What a channel tells beside messages and receipts, as commands: echoes, watermarks, changes, identities, threads, news of the account.
// Between the parsed events of `channels` and the actors that decide on them. Pure.

import { storedContent, type ParsedEvent } from '#channels'
import type { Command, CommandType } from '#schemas/log'
import { addressed, aliasesOf, contactIdOf, conversationIdOf, messageIdOf, saidTo, trusted, type IntakeContext } from './intake-ids.ts'
import { troubleWrite } from './trouble.ts'

type Kind = ParsedEvent['kind']
type Of<K extends Kind> = Extract<ParsedEvent, { kind: K }>
type Told = Exclude<Kind, 'message' | 'receipt'>

const conversationOf = ({ idKey, account }: IntakeContext, event: ParsedEvent) =>
  ({ kind: 'conversation', id: conversationIdOf(idKey, account.id, event) }) as const
const contactOf = ({ idKey, account }: IntakeContext, { userId }: ParsedEvent) =>
  ({ kind: 'contact', id: contactIdOf(idKey, account.id, userId) }) as const
const byProvider = { kind: 'provider', id: null } as const

/** To the person's conversation, by them or by their provider. */
const toConversation = <T extends CommandType>(
  context: IntakeContext,
  event: ParsedEvent,
  { type, by, data }: { readonly type: T; readonly by: 'contact' | 'provider'; readonly data: Command<T>['data'] },
): Command =>
  ({
    type,
    ...addressed(context, conversationOf(context, event), by === 'contact' ? contactOf(context, event) : byProvider, event.eventKey),
    data,
  }) as unknown as Command

const timeOf = (context: IntakeContext, { providerAt }: { readonly providerAt: number | null }): number => providerAt ?? context.receivedAt

/** Our own send where its seal holds; else what somebody said elsewhere, or our own app without its ids. */
const echo = (context: IntakeContext, event: Of<'echo'>): Command[] => {
  const { idKey, account, receivedAt } = context
  const messageId = messageIdOf(idKey, account.id, event.providerMessageId)
  const correlation = trusted(context, event.correlation)
  if (correlation !== null) {
    const actor = { kind: 'conversation', id: correlation.conversationId } as const
    const fate = { state: 'sent', reason: null, providerCode: null, at: receivedAt } as const
    const data = { aliasId: messageId, messageId: correlation.messageId, ...fate }
    return [{ type: 'receipt.report', ...addressed(context, actor, byProvider, event.eventKey), data }]
  }
  const data: Command<'message.echo'>['data'] = {
    messageId,
    accountId: account.id,
    channel: account.channel,
    contactId: contactOf(context, event).id,
    address: { userId: event.userId, threadId: event.threadId, accountAddress: event.accountAddresses[0] ?? null },
    profile: null,
    content: storedContent(event.content),
    providerAt: event.providerAt,
    receivedAt,
    isOwnApp: event.appId !== null && event.appId === (context.appId ?? null),
    ...saidTo(context, event),
  }
  return [toConversation(context, event, { type: 'message.echo', by: 'provider', data })]
}

const reaction = (context: IntakeContext, event: Of<'reaction'>): Command => {
  const messageId = messageIdOf(context.idKey, context.account.id, event.providerMessageId)
  const opens = event.opensWindowMs === undefined ? {} : { opensWindowMs: event.opensWindowMs }
  const data = { messageId, emoji: event.emoji, at: timeOf(context, event), ...opens, ...aliasesOf(context, event) }
  return toConversation(context, event, { type: 'message.react', by: event.isOurs === true ? 'provider' : 'contact', data })
}

/** Whether what a contact takes back leaves the log too: the account's setting `unsent`; Instagram demands it. */
const isErasing = ({ account }: IntakeContext): boolean =>
  (account.options?.['unsent'] ?? (account.channel === 'instagram' ? 'erase' : 'hide')) === 'erase'

const revision = (context: IntakeContext, event: Of<'edit'> | Of<'unsend'>): Command => {
  const messageId = messageIdOf(context.idKey, context.account.id, event.providerMessageId)
  const text = event.kind === 'edit' ? event.text : null
  const data = { messageId, text, at: timeOf(context, event), isErasing: isErasing(context), ...aliasesOf(context, event) }
  return toConversation(context, event, { type: 'message.revise', by: event.isOurs === true ? 'provider' : 'contact', data })
}

/** The conversation known so far learns the new id and where the person is reached; under the new id all is handed on to it, at once. */
const identity = (context: IntakeContext, event: Of<'identity'>): Command[] => {
  const former = { ...event, userId: event.previousUserId }
  const aliases = aliasesOf(context, {
    ...event,
    aliases: [event.userId, ...(event.aliases ?? [])].filter((id) => id !== event.previousUserId),
  })
  const address = { userId: event.userId, threadId: event.threadId, accountAddress: event.accountAddresses[0] ?? null }
  const { id: to } = conversationOf(context, former)
  const { account } = context
  const place = { accountId: account.id, channel: account.channel, contactId: contactOf(context, event).id }
  return [
    toConversation(
      context,
      { ...event, eventKey: [...event.eventKey, 'alias'] },
      { type: 'conversation.alias', by: 'provider', data: { to, ...place } },
    ),
    toConversation(context, former, { type: 'conversation.identify', by: 'provider', data: { address, ...aliases } }),
  ]
}

/** All of the account's messages: one topic's subscription is no word about the conversation. */
const opt = (context: IntakeContext, event: Of<'opt'>): Command[] => {
  if (event.topic !== null) return []
  const isOptedOut = event.opt === 'out'
  const contact = contactOf(context, event)
  return [
    toConversation(context, event, { type: 'conversation.opt', by: 'contact', data: { isOptedOut } }),
    {
      type: 'contact.opt',
      ...addressed(context, contact, contact, [...event.eventKey, 'contact']),
      data: { accountId: context.account.id, isOptedOut },
    },
  ]
}

/** A request alone moves nothing. */
const handover = (context: IntakeContext, event: Of<'handover'>): Command[] => {
  if (event.action === 'requested') return []
  const isElsewhere = event.appId !== null && event.appId !== (context.appId ?? null)
  const data = { isElsewhere, at: timeOf(context, event), ...aliasesOf(context, event) }
  return [toConversation(context, event, { type: 'conversation.thread', by: 'provider', data })]
}

const tellers: { readonly [K in Told]: (context: IntakeContext, event: Of<K>) => Command[] } = {
  echo,
  watermark: (context, event) => [
    toConversation(context, event, {
      type: 'message.acknowledge',
      by: 'provider',
      data: { state: event.state, upTo: event.upTo, ...aliasesOf(context, event) },
    }),
  ],
  reaction: (context, event) => [reaction(context, event)],
  edit: (context, event) => [revision(context, event)],
  unsend: (context, event) => [revision(context, event)],
  referral: (context, event) => [
    toConversation(context, event, {
      type: 'conversation.refer',
      by: 'contact',
      data: {
        referral: event.referral,
        at: timeOf(context, event),
        ...(event.opensWindowMs === undefined ? {} : { opensWindowMs: event.opensWindowMs }),
        ...aliasesOf(context, event),
      },
    }),
  ],
  opt,
  identity,
  profile: (context, event) => [
    toConversation(context, event, {
      type: 'conversation.identify',
      by: 'provider',
      data: { profile: event.profile, ...aliasesOf(context, event) },
    }),
  ],
  handover,
  // Ephemeral, never in the log.
  typing: () => [],
  account: (context, event) => {
    if (event.level === 'info') return []
    const { commandId } = addressed(context, { kind: 'organization', id: context.organizationId }, byProvider, event.eventKey)
    return [troubleWrite(context, commandId, { what: event.what, isBroken: event.level === 'error', at: context.receivedAt })]
  },
}

export const otherCommands = (context: IntakeContext, event: Extract<ParsedEvent, { kind: Told }>): Command[] =>
  (tellers[event.kind] as (context: IntakeContext, event: ParsedEvent) => Command[])(context, event)
