// What a conversation asks a provider for beside sends, and commands that it hands on to the conversation whose alias it is.
// Between the rules of ../decide and the records of `outbox`.

import { commandRecords, derivePlain, encode, keys, type Command, type EffectProfile, type EffectSignal } from '#schemas/log'
import type { ConversationDraft, LivingDraft } from './draft.ts'

type Signal = Pick<EffectSignal, 'kind' | 'messageId' | 'attempt' | 'providerMessageId' | 'text' | 'address'>

/** One a message and kind: the newest word counts, also where the former has not left yet. */
export const putSignal = (draft: LivingDraft, signal: Signal): void => {
  const { id: conversationId, organizationId, accountId, channel, seq } = draft.snapshot
  const effectId = derivePlain('effect', [conversationId, 'signal', signal.kind, signal.messageId])
  const value: EffectSignal = { effectId, organizationId, conversationId, accountId, channel, seq, ...signal }
  draft.putEffect({ key: keys.effect(conversationId, effectId), shape: 'signal', value })
}

export const putProfile = (draft: LivingDraft, userId: string): void => {
  const { id: conversationId, organizationId, accountId, channel, contactId, seq } = draft.snapshot
  const effectId = derivePlain('effect', [conversationId, 'profile'])
  const value: EffectProfile = { effectId, organizationId, conversationId, contactId, accountId, channel, seq, userId }
  draft.putEffect({ key: keys.effect(conversationId, effectId), shape: 'profile', value })
}

/** Aliases of aliases are short chains; what goes round for ever is no person's. */
const HOPS_MAX = 8
const HOPS = /^hops:(\d)$/

/** The command of now for another conversation, under an id that a repeat of it has too. */
export const forwardTo = (draft: ConversationDraft, to: string, data: object = draft.command.data): void => {
  const { command, subjectId } = draft
  const { type, organizationId, by } = command
  const { asksOutcome: _asks, bodyHash, type: _type, ...envelope } = command
  // Nobody waits for it, so its hash is free to count.
  const hops = Number(HOPS.exec(bodyHash)?.[1] ?? 0) + 1
  if (hops > HOPS_MAX) return
  const forwarded = {
    ...envelope,
    commandId: derivePlain('command', [command.commandId, 'forward', to]),
    actor: { kind: 'conversation', id: to } as const,
    by,
    asksOutcome: false,
    bodyHash: `hops:${hops}`,
    data,
  }
  const effectId = derivePlain('effect', [subjectId, 'forward', command.commandId, to])
  draft.putEffect({
    key: keys.effect(subjectId, effectId),
    shape: 'tell',
    value: {
      effectId,
      organizationId,
      conversationId: subjectId,
      seq: draft.snapshot?.seq ?? 0,
      to: forwarded.actor,
      from: 'conversation',
      type,
      command: encode(commandRecords[type] as never, forwarded as never),
    },
  })
}

/** A command of this conversation's own for another. */
export const tellAlias = (draft: LivingDraft, to: string): void => {
  const { id, organizationId, accountId, channel, contactId, seq } = draft.snapshot
  const data: Command<'conversation.alias'>['data'] = { to: id, accountId, channel, contactId }
  const parts = [id, 'alias', to]
  const command = {
    commandId: derivePlain('command', parts),
    organizationId,
    actor: { kind: 'conversation', id: to } as const,
    by: { kind: 'system', id: null } as const,
    asksOutcome: false,
    bodyHash: '',
    at: draft.now,
    data,
  }
  const effectId = derivePlain('effect', parts)
  draft.putEffect({
    key: keys.effect(id, effectId),
    shape: 'tell',
    value: {
      effectId,
      organizationId,
      conversationId: id,
      seq,
      to: command.actor,
      from: 'conversation',
      type: 'conversation.alias',
      command: encode(commandRecords['conversation.alias'], command),
    },
  })
}
