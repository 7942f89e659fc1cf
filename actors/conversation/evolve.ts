// The fold of a conversation, the one way its snapshot comes about: live, on rebuild, from an older version.
// Between the machine and whoever holds events.

import {
  CONVERSATION_VERSION,
  conversationState,
  derivePlain,
  type ConversationRow,
  type ConversationSnapshot,
  type Event,
  type StoredContent,
} from '#schemas/log'
import type { Transition } from '../decision.ts'
import { unborn } from './fold.ts'
import { conversationMachine } from './machine.ts'

/** One step, with the effects the machine asks for. Throws where the machine does not know the event in its state: poison. */
export const stepConversation = (
  snapshot: ConversationSnapshot | null,
  event: Event,
  transition: Transition,
): { readonly snapshot: ConversationSnapshot; readonly actions: readonly string[] } => {
  const before = snapshot ?? unborn
  if (snapshot === null && event.type !== 'conversation.created' && event.type !== 'conversation.aliased')
    throw new Error(`a conversation begins with conversation.created, not ${event.type}`)
  if (event.seq !== before.seq + 1) throw new Error(`event ${event.seq} does not follow ${before.seq}`)
  const place = { value: snapshot === null ? 'new' : snapshot.state, context: { snapshot: before } }
  const { value, context, actions } = transition(conversationMachine, place, event)
  const after = context.snapshot
  if (after === before) throw new Error(`the conversation machine does not know ${event.type} in state ${before.state}`)
  return { snapshot: after.state === value ? after : { ...after, state: value as ConversationSnapshot['state'] }, actions }
}

/** `contents` are those the event introduces; the snapshot never depends on them, so that erasing changes no hash. */
export const evolveConversation = (
  snapshot: ConversationSnapshot | null,
  event: Event,
  _contents: readonly StoredContent[],
  transition: Transition,
): ConversationSnapshot => stepConversation(snapshot, event, transition).snapshot

/** The list row that events carry. */
export const rowOf = (snapshot: ConversationSnapshot): ConversationRow => ({
  id: snapshot.id,
  accountId: snapshot.accountId,
  channel: snapshot.channel,
  contactId: snapshot.contactId,
  state: snapshot.state,
  snoozedUntil: snapshot.snoozedUntil,
  cycle: snapshot.cycle,
  assignee: snapshot.assignee,
  teamId: snapshot.teamId,
  priority: snapshot.priority,
  labels: snapshot.labels,
  createdAt: snapshot.createdAt,
  lastActivityAt: snapshot.lastActivityAt,
  lastInboundAt: snapshot.lastInboundAt,
  lastReplyAt: snapshot.lastReplyAt,
  waitingSince: snapshot.waitingSince,
  firstReplyAt: snapshot.firstReplyAt,
  seq: snapshot.seq,
  contactSeq: snapshot.contactSeq,
  startedBy: snapshot.startedBy,
})

/** version → a pure step to the next one. Each shipped version keeps its own. */
const upcasters: Readonly<Record<number, (snapshot: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>>> = {}

/** A stored snapshot as today's; null where it cannot be one: the caller folds the key anew from `events`. */
export const loadConversation = (decoded: unknown): ConversationSnapshot | null => {
  if (typeof decoded !== 'object' || decoded === null) return null
  let snapshot = decoded as Readonly<Record<string, unknown>>
  while (snapshot['version'] !== CONVERSATION_VERSION) {
    const upcast = upcasters[snapshot['version'] as number]
    if (upcast === undefined) return null
    snapshot = upcast(snapshot)
  }
  const state = snapshot['state']
  const isWhole = Object.keys(unborn).every((field) => snapshot[field] !== undefined)
  return isWhole && (conversationState.symbols as readonly unknown[]).includes(state) ? (snapshot as unknown as ConversationSnapshot) : null
}

/** Structure and content ids, in the order of the record's fields whatever order the object has. */
export const hashConversation = (snapshot: ConversationSnapshot): string => derivePlain('state', [JSON.stringify(snapshot, fieldNames)])

/** Names at every depth: JSON.stringify keeps these and sorts by this list. */
const nestedNames = [
  ...['kind', 'delivered', 'read', 'expiresAt', 'openedAt', 'dueAt', 'setBySeq', 'n'],
  ...['to', 'context', 'messageId', 'isUnlessReply', 'isOpen'],
]
const fieldNames = [...Object.keys(unborn), ...nestedNames]
