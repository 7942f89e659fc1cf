// The ids under which what a provider tells is known: derived under the organization's id key, so the same news twice is the same command.
// Between parsed events and the commands that intake makes of them. Pure.

import type { Correlation, ParsedEcho, ParsedEvent, ParsedMessage } from '#channels'
import { bodyHashOf, deriveKeyed, isId, type Account, type Command } from '#schemas/log'

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
