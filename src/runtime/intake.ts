// Turns what a channel parsed into commands, with ids derived under the organization's id key. Pure.
// Between ingest and backfill, which both call it, and the log: the same news twice gives the same commands.

import { storedContent, type Correlation, type ParsedEcho, type ParsedEvent, type ParsedMessage, type ParsedReceipt } from '#channels'
import { bodyHashOf, deriveKeyed, isId, type Account, type Command, type CommandType, type MessageContent } from '#schemas/log'
import { otherCommands } from './intake-events.ts'

export interface IntakeContext {
  readonly organizationId: string
  /** The organization's 32 bytes. */
  readonly idKey: Uint8Array
  readonly account: Pick<Account, 'id' | 'channel'> & Partial<Pick<Account, 'options' | 'uniqueKeys'>>
  /** Milliseconds since 1970 at which the edge took it in. */
  readonly receivedAt: number
  /** The app that signs for the account, where the channel has apps. */
  readonly appId?: string | null
}

type Place = { readonly userId: string; readonly threadId: string | null }

export const conversationIdOf = (idKey: Uint8Array, accountId: string, { userId, threadId }: Place): string =>
  deriveKeyed(idKey, 'conversation', [accountId, threadId ?? userId])

export const contactIdOf = (idKey: Uint8Array, accountId: string, userId: string): string =>
  deriveKeyed(idKey, 'contact', [accountId, userId])

/** The id of an inbound message, and the alias under which receipts find one of ours. */
export const messageIdOf = (idKey: Uint8Array, accountId: string, providerMessageId: string): string =>
  deriveKeyed(idKey, 'message', [accountId, providerMessageId])

/** Proves that this organization wrote the ids a provider hands back, so that who knows one account's secret reaches no other's messages. */
export const sealOf = (idKey: Uint8Array, accountId: string, ids: Pick<Correlation, 'conversationId' | 'messageId'>): string =>
  bodyHashOf(idKey, `correlation/${accountId}/${ids.conversationId}/${ids.messageId}`)

export const trusted = (context: IntakeContext, correlation: Correlation | null): Correlation | null => {
  if (correlation === null || !isId(correlation.conversationId) || !isId(correlation.messageId)) return null
  return correlation.seal === sealOf(context.idKey, context.account.id, correlation) ? correlation : null
}

/** The envelope of a command that asks for no outcome; `key` makes its commandId. */
export const addressed = (context: IntakeContext, actor: Command['actor'], by: Command['by'], key: readonly string[]) => ({
  commandId: deriveKeyed(context.idKey, 'command', [context.account.id, ...key]),
  organizationId: context.organizationId,
  actor,
  by,
  asksOutcome: false,
  bodyHash: '',
  at: context.receivedAt,
})

/** Conversations of the person's other ids; a group's thread is one whoever speaks. */
export const aliasesOf = ({ idKey, account }: IntakeContext, { aliases, threadId }: ParsedEvent): { aliases?: string[] } =>
  aliases === undefined || aliases.length === 0 || threadId !== null
    ? {}
    : { aliases: aliases.map((userId) => conversationIdOf(idKey, account.id, { userId, threadId })) }

/** What a message or echo refers to beside its place. */
export const saidTo = (context: IntakeContext, event: ParsedMessage | ParsedEcho): { aliases?: string[]; replyTo?: string } => ({
  ...aliasesOf(context, event),
  ...(typeof event.replyTo === 'string' ? { replyTo: messageIdOf(context.idKey, context.account.id, event.replyTo) } : {}),
})

const contentOf = ({ content, referral }: ParsedMessage): MessageContent => {
  const stored = storedContent(content)
  return referral === null || referral === undefined ? stored : { ...stored, referral }
}

const messageCommands = (context: IntakeContext, event: ParsedMessage): Command<CommandType>[] => {
  const { idKey, account, receivedAt } = context
  const conversation = { kind: 'conversation', id: conversationIdOf(idKey, account.id, event) } as const
  const contact = { kind: 'contact', id: contactIdOf(idKey, account.id, event.userId) } as const
  const received: Command<'message.receive'> = {
    type: 'message.receive',
    ...addressed(context, conversation, contact, event.eventKey),
    data: {
      messageId: messageIdOf(idKey, account.id, event.providerMessageId),
      accountId: account.id,
      channel: account.channel,
      contactId: contact.id,
      address: { userId: event.userId, threadId: event.threadId, accountAddress: event.accountAddresses[0] ?? null },
      profile: event.profile,
      content: contentOf(event),
      providerAt: event.providerAt,
      receivedAt,
      ...saidTo(context, event),
      ...(event.opensWindowMs === undefined ? {} : { opensWindowMs: event.opensWindowMs }),
      ...(event.isStandby === true ? { isStandby: true } : {}),
    },
  }
  if (event.opt === null) return [received]
  const isOptedOut = event.opt === 'out'
  // The conversation first, behind its message on the same key: the next send is refused even before the contact has heard of it.
  return [
    received,
    {
      type: 'conversation.opt',
      ...addressed(context, conversation, contact, [...event.eventKey, 'opt', 'conversation']),
      data: { isOptedOut },
    },
    {
      type: 'contact.opt',
      ...addressed(context, contact, contact, [...event.eventKey, 'opt', 'contact']),
      data: { accountId: account.id, isOptedOut },
    },
  ]
}

const receiptCommand = (context: IntakeContext, event: ParsedReceipt): Command<'receipt.report'> => {
  const { idKey, account, receivedAt } = context
  const correlation = trusted(context, event.correlation)
  const id = correlation?.conversationId ?? conversationIdOf(idKey, account.id, event)
  return {
    type: 'receipt.report',
    ...addressed(context, { kind: 'conversation', id }, { kind: 'provider', id: null }, event.eventKey),
    data: {
      aliasId: messageIdOf(idKey, account.id, event.providerMessageId),
      messageId: correlation?.messageId ?? null,
      state: event.state,
      reason: event.reason,
      providerCode: event.providerCode,
      at: receivedAt,
      // Our own ids lead there without asking.
      ...(correlation === null ? aliasesOf(context, event) : {}),
    },
  }
}

/** The commands of events that belong to one account; the partition key of each is its `actor.id`. */
export const commandsOf = (events: readonly ParsedEvent[], context: IntakeContext): Command[] =>
  events.flatMap((event): Command[] => {
    switch (event.kind) {
      case 'message':
        return messageCommands(context, event)
      case 'receipt':
        return [receiptCommand(context, event)]
      default:
        return otherCommands(context, event)
    }
  })

/** The account of an event among those configured under its signer; undefined = unknown_account. */
export const accountOf = <A extends Pick<Account, 'externalId' | 'options'>>(event: ParsedEvent, accounts: readonly A[]): A | undefined => {
  // Who signs for one account alone need not name it.
  if (event.accountAddresses.length === 0) return accounts.length === 1 ? accounts[0] : undefined
  for (const address of event.accountAddresses) {
    const found = accounts.find((account) => account.externalId === address || account.options['messagingServiceSid'] === address)
    if (found !== undefined) return found
  }
  return undefined
}
