// A conversation's decision in the making: each event brings its list row, its message row and the effects the machine asks for.
// Between the rules of this folder and the shared draft.

import {
  keys,
  type Address,
  type Content,
  type ConversationCommand,
  type ConversationSnapshot,
  type Event,
  type EventData,
  type EventType,
  type MessageContent,
  type MessageRow,
  type Principal,
  type Profile,
} from '#schemas/log'
import type { DecideContext } from '../decision.ts'
import { Draft, type Applied } from '../draft.ts'
import { endSend, introduce, putDrop, putFetches, putSend, putTimers } from './effects.ts'
import { rowOf, stepConversation } from './evolve.ts'
import { unborn, type ConversationEventType } from './fold.ts'
import { evolveRow } from './rows.ts'
import { sendFacts } from './sending.ts'

/**
 * What the contact is shown, and so what takes a contactSeq: the messages of both sides, once each, and what becomes of their text,
 * files included. Not shown: states, labels, holders, notes, retries, and the fate of a send: web chat, the one channel that shows
 * a projection, sends in the same decision as it queues, and its marks go by watermarks in contactSeq.
 */
const shown: ReadonlySet<EventType> = new Set([
  'message.received',
  'message.queued',
  'message.edited',
  'message.deleted',
  'message.reacted',
  'message.attached',
  'conversation.erased',
])

/** What waits for its time is nobody's but ours, its edits and its end too; it is shown when its time has come. */
const isShown = (before: ConversationSnapshot | null, type: EventType, data: object): boolean => {
  if (!shown.has(type)) return false
  if (type === 'message.queued') {
    const { attempt, sendAt, isDue } = data as EventData['message.queued']
    return isDue || (attempt === 1 && sendAt === null)
  }
  if (before === null || before.scheduled.length === 0 || !('messageId' in data)) return true
  return !before.scheduled.some(({ messageId }) => messageId === data.messageId)
}

/** What else an event's effects need, kept out of the event because it is content. */
interface Sending {
  readonly address: Address
  readonly content: MessageContent
  /** The provider's id of the message that it answers. */
  readonly replyTo: string | null
}

type WithoutRow<T extends ConversationEventType> = Omit<EventData[T], 'row'>

export class ConversationDraft extends Draft<ConversationSnapshot> {
  declare readonly command: ConversationCommand
  /** The profile for the contact's introduction. */
  profile: Profile | null = null
  sending: Sending | null = null

  constructor(snapshot: ConversationSnapshot | null, command: ConversationCommand, context: DecideContext) {
    const { transition } = context
    super(snapshot, command, {
      context,
      kind: {
        step: (before, event) => stepConversation(before, event, transition),
        contactSeqOf: (before, type, data) => (isShown(before, type, data) ? (before?.contactSeq ?? 0) + 1 : null),
      },
    })
  }

  /** Decides an event: folds it, completes its list row, its message's row and its effects. */
  apply<T extends ConversationEventType>(
    type: T,
    data: WithoutRow<T>,
    contents: readonly Content[] = [],
    by?: Principal,
  ): ConversationSnapshot {
    const before = this.snapshot ?? unborn
    const applied = this.append(type, data, contents, by)
    const after = this.snapshot ?? before
    // Only the fold knows the row after the event, so it is filled in behind it.
    if (withRow.has(type)) (applied.event.data as { row?: unknown }).row = rowOf(after)
    this.#foldRow(applied)
    putTimers(this, before.timers, after.timers)
    for (const action of applied.actions) this.#act(action, applied)
    return after
  }

  #foldRow({ event, contents }: Applied): void {
    const messageId = (event.data as { messageId?: string | null }).messageId
    if (messageId === undefined || messageId === null) return
    const isNew =
      event.type === 'message.received' || event.type === 'note.added' || (event.type === 'message.queued' && event.data.attempt === 1)
    const row = evolveRow(isNew ? null : this.message(messageId), event, contents)
    if (row !== null) this.putMessage(isNew ? { ...row, bodyHash: this.command.bodyHash } : row)
  }

  putMessage(row: MessageRow): void {
    this.putRow({ key: keys.message(this.subjectId, row.messageId), shape: 'message', value: row })
  }

  putAddress(address: Address | null): void {
    const { organizationId } = this.command
    this.putRow({ key: keys.address(this.subjectId), shape: 'address', value: { conversationId: this.subjectId, organizationId, address } })
  }

  putAttributes(attributes: Record<string, string> | null): void {
    const { organizationId } = this.command
    this.putRow({
      key: keys.attributes(this.subjectId),
      shape: 'attributes',
      value: { conversationId: this.subjectId, organizationId, attributes },
    })
  }

  #act(action: string, { event, contents }: Applied): void {
    switch (action) {
      case 'introduce':
        return introduce(this, this.profile)
      case 'send':
        return this.#send(event as Event<'message.queued'>)
      case 'fetch': {
        const content = contents[0]
        if (content?.kind !== 'message' || content.body.attachments.length === 0) return
        return putFetches(this, {
          messageId: (event.data as EventData['message.received']).messageId,
          seq: event.seq,
          attachments: content.body.attachments,
        })
      }
      case 'drop':
        return putDrop(this, (event.data as EventData['conversation.erased']).upToSeq)
      default:
        throw new Error(`no effect is known under ${action}`)
    }
  }

  /** Web chat needs no sender: what is queued is sent, the widget tails it. */
  #send({ data: { messageId, attempt, sendAt }, seq, by }: Event<'message.queued'>): void {
    if (this.sending === null || sendAt !== null || this.snapshot?.channel === 'web') return
    const { address, content, replyTo } = this.sending
    const facts = sendFacts(this as LivingDraft, { address, author: by.kind, replyTo })
    putSend(this, { messageId, attempt, seq, notBefore: this.now, address, content, ...facts })
  }
}

const withRow: ReadonlySet<EventType> = new Set([
  'conversation.created',
  'conversation.opened',
  'conversation.held',
  'conversation.snoozed',
  'conversation.resolved',
  'conversation.assigned',
])

/** Takes a send back that no sender is known to have begun. */
export const callOffSend = (draft: ConversationDraft, { messageId, send }: MessageRow): void => {
  if (send?.state !== 'queued') return
  draft.apply('message.failed', { messageId, attempt: send.attempt, reason: 'superseded', providerCode: null })
  endSend(draft, messageId, send.attempt)
}

/** A draft whose conversation exists. */
export type LivingDraft = ConversationDraft & { snapshot: ConversationSnapshot }
