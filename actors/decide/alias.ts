// One person under several ids: the conversation that has them, and those under their other ids, which hand everything on to it.
// Between provider commands, which name the other ids, and the one conversation that decides them (DESIGN §3).

import type { Command, ConversationCommand, ConversationSnapshot } from '#schemas/log'
import { aliasesOf, forwardTo, hasRoomForAliases, tellAlias, type ConversationDraft, type LivingDraft } from '../conversation/index.ts'

/** A command that a provider's request led to. */
type Provided = { readonly aliases?: string[] | null; readonly seeker?: string | null }

const providedBy = ({ data }: ConversationCommand): Provided => data as Provided

/** What begins a conversation where there is none. */
const isFirst = ({ type }: ConversationCommand): boolean => type === 'message.receive' || type === 'message.echo'

type Place = Pick<Command<'conversation.alias'>['data'], 'accountId' | 'channel' | 'contactId'>

const become = (draft: ConversationDraft, to: string, place: Place): void => {
  const { accountId, channel, contactId } = place
  draft.apply('conversation.aliased', { to, accountId, channel, contactId, aliases: [] }, [], { kind: 'system', id: null })
}

/** The other ids are this conversation's from now on; those that are conversations of their own already stay so. */
export const learnAliases = (draft: LivingDraft, ids: readonly (string | null | undefined)[]): void => {
  const { snapshot } = draft
  const known = aliasesOf(snapshot)
  const news = ids.filter((id) => typeof id === 'string' && id !== snapshot.id && !known.includes(id)) as string[]
  if (news.length === 0 || !hasRoomForAliases(snapshot)) return
  const { accountId, channel, contactId } = snapshot
  draft.apply('conversation.aliased', { to: null, accountId, channel, contactId, aliases: [...new Set(news)] }, [], {
    kind: 'system',
    id: null,
  })
  for (const id of news) tellAlias(draft, id)
}

/**
 * Nothing is known under this id: asks the person's others, one after the other. Who seeks gets the command back where none exists, and
 * those asked on the way are its aliases from then on; of two who ask each other at once the smaller id wins, so that no circle closes.
 */
const seek = (draft: ConversationDraft, command: ConversationCommand): boolean => {
  const { aliases, seeker } = providedBy(command)
  const [next, ...rest] = aliases ?? []
  const own = draft.subjectId
  if (typeof seeker !== 'string') {
    if (next === undefined) return false
    forwardTo(draft, next, { ...command.data, aliases: rest, seeker: own })
    return true
  }
  if (isFirst(command) && seeker < own) become(draft, seeker, command.data as Place)
  forwardTo(draft, next ?? seeker, { ...command.data, aliases: rest, seeker: next === undefined ? null : seeker })
  return true
}

/** By the contact of this conversation, whichever id they wrote under. */
export const authored = (snapshot: ConversationSnapshot | null, command: ConversationCommand): ConversationCommand => {
  const { by } = command
  if (by.kind !== 'contact' || snapshot === null || by.id === snapshot.contactId || snapshot.aliasOf !== null) return command
  return { ...command, by: { kind: 'contact', id: snapshot.contactId } }
}

/** true = decided: handed on to where the person's conversation is, or may be. */
export const isHandedOn = (draft: ConversationDraft, command: ConversationCommand): boolean => {
  const { snapshot } = draft
  if (snapshot === null) return seek(draft, command)
  const to = snapshot.aliasOf ?? null
  if (to === null) return false
  // Who waits for an answer is told where to ask: the outcome lies in this partition.
  if (command.asksOutcome) draft.refuse('conversation_aliased', { conversationId: to })
  else if (command.type !== 'conversation.alias') forwardTo(draft, to)
  return true
}

export const makeAlias = (draft: ConversationDraft, { data }: Command<'conversation.alias'>): void => {
  if (draft.snapshot === null && data.to !== draft.subjectId) become(draft, data.to, data)
}
