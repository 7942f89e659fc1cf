// The decisions of a conversation: one rule a command, all of them pure.
// Between the runtime, which brings snapshot, rows, settings and time, and the events that follow.

import { keys, type Command, type ConversationCommand, type ConversationSnapshot } from '#schemas/log'
import { ConversationDraft, type LivingDraft } from '../conversation/index.ts'
import type { DecideContext, Decision } from '../decision.ts'
import { authored, isHandedOn, makeAlias } from './alias.ts'
import { changeConversation, label, opt, prioritize, setBlocked } from './change.ts'
import { receiveEcho } from './echo.ts'
import { dropContents, eraseConversation } from './erase.ts'
import { handOver } from './handover.ts'
import { assign, claim, release } from './holding.ts'
import { markRead, saveDraft } from './marks.ts'
import { deleteMessage, editMessage, reportAttachment } from './message.ts'
import { acknowledgeTime, identify, passThread, refer } from './provider.ts'
import { react } from './react.ts'
import { revise } from './revise.ts'
import { receiveMessage } from './receive.ts'
import { reportSend } from './report-send.ts'
import { acknowledge, reportReceipt, settleMessage } from './reports.ts'
import { retryMessage, sendMessage, startConversation } from './send.ts'
import { fireTimer, reopen, resolve, snooze } from './state.ts'

type MessageCommand = Exclude<
  ConversationCommand,
  { type: `conversation.${string}` | 'timer.fire' | 'message.receive' | 'message.echo' | 'effect.end' }
>

/** What is said, what becomes of it, and what carriers report. */
const decideMessage = (draft: LivingDraft, command: MessageCommand): void => {
  switch (command.type) {
    case 'message.send':
      return sendMessage(draft, command)
    case 'send.report':
      return reportSend(draft, command)
    case 'receipt.report':
      return reportReceipt(draft, command)
    case 'contact.acknowledge':
      return acknowledge(draft, command)
    case 'message.retry':
      return retryMessage(draft, command)
    case 'message.settle':
      return settleMessage(draft, command)
    case 'message.edit':
      return editMessage(draft, command)
    case 'message.delete':
      return deleteMessage(draft, command)
    case 'message.react':
      return react(draft, command)
    case 'attachment.report':
      return reportAttachment(draft, command)
    case 'message.acknowledge':
      return acknowledgeTime(draft, command)
    case 'message.revise':
      return revise(draft, command)
    case 'contents.drop':
      return dropContents(draft, command)
  }
}

/** Commands to a conversation that exists. */
const decideLiving = (draft: LivingDraft, command: ConversationCommand): void => {
  switch (command.type) {
    case 'conversation.assign':
      return assign(draft, command)
    case 'conversation.claim':
      return claim(draft)
    case 'conversation.release':
      return release(draft)
    case 'conversation.handover':
      return handOver(draft, command)
    case 'conversation.snooze':
      return snooze(draft, command)
    case 'timer.fire':
      return fireTimer(draft, command)
    case 'conversation.resolve':
      return resolve(draft)
    case 'conversation.reopen':
      return reopen(draft)
    case 'conversation.label':
      return label(draft, command)
    case 'conversation.prioritize':
      return prioritize(draft, command)
    case 'conversation.change':
      return changeConversation(draft, command)
    case 'conversation.read':
      return markRead(draft, command)
    case 'conversation.draft':
      return saveDraft(draft, command)
    case 'conversation.block':
      return setBlocked(draft, command)
    case 'conversation.opt':
      return opt(draft, command)
    case 'conversation.erase':
      return eraseConversation(draft, command)
    case 'conversation.identify':
      return identify(draft, command)
    case 'conversation.thread':
      return passThread(draft, command)
    case 'conversation.refer':
      return refer(draft, command)
    // These need none, and were decided before.
    case 'message.receive':
    case 'message.echo':
    case 'conversation.start':
    case 'conversation.alias':
    case 'effect.end':
      return
    default:
      return decideMessage(draft, command)
  }
}

/** Pure; never throws for what the schemas allow but what `rows` throws, and never changes what it is given. */
export const decideConversation = (
  snapshot: ConversationSnapshot | null,
  command: ConversationCommand,
  context: DecideContext,
): Decision<ConversationSnapshot> => {
  const draft = new ConversationDraft(snapshot, authored(snapshot, command), context)
  if (command.type === 'effect.end') endEffect(draft, command)
  else if (!isHandedOn(draft, command)) decideHere(draft, command)
  return draft.done()
}

const endEffect = (draft: ConversationDraft, { data }: Command<'effect.end'>): void =>
  draft.putEffect({ key: keys.effect(draft.subjectId, data.effectId), shape: 'tell', value: null })

const decideHere = (draft: ConversationDraft, command: ConversationCommand): void => {
  switch (command.type) {
    case 'message.receive':
      return receiveMessage(draft, command)
    case 'message.echo':
      return receiveEcho(draft, command)
    case 'conversation.start':
      return startConversation(draft, command)
    case 'conversation.alias':
      return makeAlias(draft, command)
    default:
      if (draft.snapshot === null) draft.refuse('conversation_not_found')
      else decideLiving(draft as LivingDraft, command)
  }
}
