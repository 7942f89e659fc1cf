// What a conversation asks the outside for: sends, fetches, timers, word to its contact, the dropping of contents.
// Between the actions that the machine names (or a rule decides) and the records of `outbox`.

import {
  commandRecords,
  derivePlain,
  encode,
  keys,
  type Address,
  type Attachment,
  type Command,
  type CommandType,
  type ConversationSnapshot,
  type EffectFetch,
  type EffectSend,
  type Profile,
  type SubjectKind,
  type Timer,
} from '#schemas/log'
import type { Draft } from '../draft.ts'

type Drafting = Draft<ConversationSnapshot>

const sendEffectKey = (conversationId: string, messageId: string, attempt: number): string =>
  keys.effect(conversationId, derivePlain('effect', [conversationId, 'send', messageId, attempt]))

const fetchEffectKey = (conversationId: string, messageId: string, index: number): string =>
  keys.effect(conversationId, derivePlain('effect', [conversationId, 'fetch', messageId, index]))

/** One key a kind of timer: setting it anew replaces it. */
const timerEffectKey = (conversationId: string, kind: Timer['kind']): string =>
  keys.effect(conversationId, derivePlain('effect', [conversationId, 'timer', kind]))

const dropEffectKey = (subjectId: string): string => keys.effect(subjectId, derivePlain('effect', [subjectId, 'drop']))

const idIn = (key: string): string => key.slice(key.indexOf('/') + 1)

export const putSend = (
  draft: Drafting,
  send: Pick<EffectSend, 'messageId' | 'attempt' | 'seq' | 'notBefore' | 'content' | 'author' | 'windowExpiresAt' | 'replyTo'> & {
    readonly address: Address
  },
): void => {
  const { snapshot, command } = draft
  if (snapshot === null) return
  const key = sendEffectKey(snapshot.id, send.messageId, send.attempt)
  const { accountId, channel, id: conversationId } = snapshot
  draft.putEffect({
    key,
    shape: 'send',
    value: { effectId: idIn(key), organizationId: command.organizationId, conversationId, accountId, channel, ...send },
  })
}

export const endSend = (draft: Drafting, messageId: string, attempt: number): void =>
  draft.putEffect({ key: sendEffectKey(draft.subjectId, messageId, attempt), shape: 'send', value: null })

/** One fetch an attachment that only the provider has. */
export const putFetches = (
  draft: Drafting,
  { messageId, seq, attachments }: { messageId: string; seq: number; attachments: readonly Attachment[] },
): void => {
  const { snapshot, command } = draft
  if (snapshot === null) return
  const { accountId, channel, id: conversationId } = snapshot
  for (const [index, { state, sourceUrl }] of attachments.entries()) {
    if (state !== 'fetching' || sourceUrl === null) continue
    const key = fetchEffectKey(conversationId, messageId, index)
    const value: EffectFetch = {
      effectId: idIn(key),
      organizationId: command.organizationId,
      conversationId,
      messageId,
      accountId,
      channel,
      index,
      seq,
      url: sourceUrl,
    }
    draft.putEffect({ key, shape: 'fetch', value })
  }
}

export const endFetch = (draft: Drafting, messageId: string, index: number): void =>
  draft.putEffect({ key: fetchEffectKey(draft.subjectId, messageId, index), shape: 'fetch', value: null })

/** Timers are data of the snapshot; the effects follow from their difference. */
export const putTimers = (draft: Drafting, before: readonly Timer[], after: readonly Timer[]): void => {
  if (before === after) return
  for (const { kind } of before) {
    if (after.some((timer) => timer.kind === kind)) continue
    draft.putEffect({ key: timerEffectKey(draft.subjectId, kind), shape: 'timer', value: null })
  }
  for (const timer of after) if (!before.includes(timer)) putTimer(draft, timer)
}

/** `at` other than the timer's own moves its effect alone; null ends it. */
export const putTimer = (draft: Drafting, { kind, setBySeq, dueAt }: Timer, at: number | null = dueAt): void => {
  const key = timerEffectKey(draft.subjectId, kind)
  if (at === null) return draft.putEffect({ key, shape: 'timer', value: null })
  const { organizationId } = draft.command
  draft.putEffect({
    key,
    shape: 'timer',
    value: { effectId: idIn(key), organizationId, conversationId: draft.subjectId, kind, setBySeq, dueAt: at },
  })
}

/** A command for another actor, whole; its id follows from the event that caused it, so telling twice is telling once. */
export const putTell = <T extends CommandType>(
  draft: Draft<{ readonly seq: number; readonly at: number }>,
  {
    to,
    type,
    data,
  }: { readonly to: { readonly kind: SubjectKind; readonly id: string }; readonly type: T; readonly data: Command<T>['data'] },
): void => {
  const seq = draft.snapshot?.seq ?? 0
  const { organizationId } = draft.command
  const effectId = derivePlain('effect', [draft.subjectId, seq, 'tell', type, to.id])
  const command = {
    commandId: derivePlain('command', [draft.subjectId, seq, type, to.id]),
    organizationId,
    actor: to,
    by: draft.command.by,
    asksOutcome: false,
    bodyHash: '',
    at: draft.now,
    data,
  }
  const bytes = encode(commandRecords[type] as never, command as never)
  draft.putEffect({
    key: keys.effect(draft.subjectId, effectId),
    shape: 'tell',
    value: { effectId, organizationId, conversationId: draft.subjectId, seq, to, type, command: bytes },
  })
}

export const introduce = (draft: Drafting, profile: Profile | null): void => {
  const { snapshot } = draft
  if (snapshot === null) return
  const data = { conversationId: snapshot.id, accountId: snapshot.accountId, channel: snapshot.channel, profile }
  putTell(draft, { to: { kind: 'contact', id: snapshot.contactId }, type: 'contact.introduce', data })
}

export const putDrop = (draft: Draft<{ readonly seq: number; readonly at: number }>, upToSeq: number): void => {
  const key = dropEffectKey(draft.subjectId)
  const { kind, id } = draft.command.actor
  draft.putEffect({
    key,
    shape: 'drop',
    value: { effectId: idIn(key), organizationId: draft.command.organizationId, subject: { kind, id }, upToSeq },
  })
}
