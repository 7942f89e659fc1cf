// Turns what a channel parsed into commands, with ids derived under the organization's id key. Pure.
// Between ingest and backfill, which both call it, and the log: the same news twice gives the same commands.

import { storedContent, type ParsedEvent, type ParsedMessage, type ParsedReceipt } from '#channels'
import type { Account, Command, CommandType, MessageContent } from '#schemas/log'
import { otherCommands } from './intake-events.ts'
import { addressed, aliasesOf, contactIdOf, conversationIdOf, messageIdOf, saidTo, trusted, type IntakeContext } from './intake-ids.ts'

export { contactIdOf, conversationIdOf, messageIdOf, sealOf } from './intake-ids.ts'
export type { IntakeContext } from './intake-ids.ts'

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
