// What an agent may do with one conversation, each with what to say when it is refused and, where it hides the row, a way back.
// Between buttons and keys, which both call these, and the inbox.

import { useMemo } from 'react'
import type { Conversation } from '#schemas'
import { useInbox, useNames } from '../state/hooks.ts'
import type { ConversationAction, Inbox } from '../state/inbox.ts'
import { contactNameOf } from '../words/names.ts'
import { comingTime } from '../words/times.ts'
import { refusalOf, type Names } from '../words/words.ts'

export interface Actions {
  readonly claim: () => void
  readonly release: () => void
  readonly assign: (agentId: string) => void
  readonly snooze: (until: string | null) => void
  readonly resolve: () => void
  readonly reopen: () => void
  readonly label: (labelId: string, isSet: boolean) => void
  readonly prioritize: (priority: Conversation['priority']) => void
  readonly unread: () => void
}

const actionsFor = (inbox: Inbox, row: Conversation, names: Names): Actions => {
  const act = (
    action: ConversationAction,
    body?: Readonly<Record<string, unknown>>,
    done?: { readonly text: string; readonly undo: () => void },
  ): void => {
    const finish = async (): Promise<void> => {
      const problem = await inbox.act(row.id, action, body)
      if (problem === null) {
        if (done !== undefined) inbox.notify(done.text, { undo: done.undo })
        return
      }
      const { title, advice } = refusalOf(problem, names)
      // A send's advice speaks of words that are kept; here there are none.
      inbox.notify(problem.code === 'conversation_taken' ? title : `${title} ${advice}`.trim(), { tone: 'danger' })
    }
    finish().catch(() => inbox.notify('That did not work. Try again.', { tone: 'danger' }))
  }
  const reopen = (): void => act('reopen')
  return {
    claim: () => act('claim'),
    release: () => act('release'),
    assign: (agentId) => act('assign', { agentId, expect: row.assignee?.id ?? null }),
    snooze: (until) =>
      act(
        'snooze',
        { until: until ?? 'reply' },
        { text: until === null ? 'Snoozed until they write' : `Snoozed until ${comingTime(until, Date.now())}`, undo: reopen },
      ),
    resolve: () => act('resolve', undefined, { text: 'Resolved', undo: reopen }),
    reopen,
    label: (labelId, isSet) => act('label', isSet ? { add: [labelId] } : { remove: [labelId] }),
    prioritize: (priority) => act('priority', { priority }),
    unread: () => inbox.markUnread(row.id, row.seq),
  }
}

export const useActions = (row: Conversation): Actions => {
  const inbox = useInbox()
  const names = useNames(contactNameOf(row))
  return useMemo(() => actionsFor(inbox, row, names), [inbox, row, names])
}

/** For the keys: the same actions on whatever conversation is open. */
export const actionsOn = actionsFor
