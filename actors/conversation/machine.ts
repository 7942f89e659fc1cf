// The conversation's machine: which events its states know, where they lead, and which effects they ask for.
// The log's events are its events and the snapshot lies in its context; it is stepped, never started.

import { assign, setup } from 'xstate'
import type { ConversationSnapshot, ConversationState, Event } from '#schemas/log'
import { foldEvent, unborn, type ConversationEvent } from './fold.ts'

const noop = (): void => {}
const isBornIn =
  (state: ConversationState) =>
  ({ event }: { event: ConversationEvent }): boolean =>
    (event as Event<'conversation.created'>).data.row.state === state

const born = (target: ConversationState) => ({ target, guard: isBornIn(target), actions: ['apply', 'introduce'] }) as const
const to = (target: ConversationState) => ({ target, actions: 'apply' }) as const
const stay = { actions: 'apply' } as const

export const conversationMachine = setup({
  // One field: xstate copies the context of every assignment field by field.
  types: { context: {} as { snapshot: ConversationSnapshot }, events: {} as ConversationEvent },
  actions: {
    apply: assign(({ context, event }) => ({ snapshot: foldEvent(context.snapshot, event) })),
    introduce: noop,
    send: noop,
    fetch: noop,
    drop: noop,
  },
}).createMachine({
  id: 'conversation',
  context: { snapshot: unborn },
  initial: 'new',
  states: {
    new: {
      on: {
        'conversation.created': [born('open'), born('pending'), born('snoozed'), born('resolved')],
        'conversation.aliased': to('resolved'),
      },
    },
    open: { on: { 'conversation.held': to('pending'), 'conversation.snoozed': to('snoozed'), 'conversation.resolved': to('resolved') } },
    pending: { on: { 'conversation.opened': to('open'), 'conversation.snoozed': to('snoozed'), 'conversation.resolved': to('resolved') } },
    snoozed: {
      on: {
        'conversation.opened': to('open'),
        'conversation.held': to('pending'),
        'conversation.snoozed': to('snoozed'),
        'conversation.resolved': to('resolved'),
      },
    },
    resolved: { on: { 'conversation.opened': to('open'), 'conversation.held': to('pending') } },
  },
  on: {
    'conversation.assigned': stay,
    'conversation.labeled': stay,
    'conversation.prioritized': stay,
    'conversation.changed': stay,
    'conversation.joined': stay,
    'conversation.left': stay,
    'conversation.blocked': stay,
    'conversation.opted': stay,
    'conversation.parked': stay,
    'conversation.aliased': stay,
    'conversation.passed': stay,
    'conversation.referred': stay,
    'conversation.erased': { actions: ['apply', 'drop'] },
    'note.added': stay,
    'note.edited': stay,
    'note.deleted': stay,
    'message.received': { actions: ['apply', 'fetch'] },
    'message.queued': { actions: ['apply', 'send'] },
    'message.sent': stay,
    'message.delivered': stay,
    'message.read': stay,
    'message.failed': stay,
    'message.unknown': stay,
    'message.settled': stay,
    'message.edited': stay,
    'message.deleted': stay,
    'message.reacted': stay,
    'message.attached': stay,
    'handover.offered': stay,
    'handover.accepted': stay,
    'handover.passed': stay,
    'handover.released': stay,
    'handover.expired': stay,
    'handover.taken': stay,
    'window.opened': stay,
    'window.closing': stay,
  },
})
