// One row of the list: who, where, the last words with their author, since when, unread, who has it, labels, priority.
// Between a conversation as it stands now and the eye; it changes in place.

import { memo, type CSSProperties, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { Avatar } from '../parts/avatar.tsx'
import { ChannelMark, Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import type { Label } from '../state/model.ts'
import { contactNameOf } from '../words/names.ts'
import { comingTime, duration, fullTime, shortTime } from '../words/times.ts'

/** Labels shown in a row; the rest is a number. */
const LABELS_SHOWN = 2

const previewAuthor = (row: Conversation, me: string, agentName: string | undefined): string => {
  const last = row.lastMessage
  if (last === null || last.direction === 'in') return ''
  if (last.author.kind === 'agent')
    return last.author.id === me ? 'You: ' : `${(last.author.name ?? agentName ?? 'Agent').split(' ')[0] ?? ''}: `
  return last.author.kind === 'bot' ? 'Bot: ' : ''
}

const Preview = ({ row }: { readonly row: Conversation }): ReactElement => {
  const me = useSlice((state) => state.me.id)
  const agentName = useSlice((state) => state.agents.get(row.lastMessage?.author.id ?? '')?.name)
  const isTyping = useSlice((state) => state.typing.has(row.id))
  if (isTyping) return <span className="row__preview row__preview--typing">typing…</span>
  const last = row.lastMessage
  if (last === null) return <span className="row__preview">No messages yet</span>
  return (
    <span className="row__preview">
      {last.direction === 'note' ? (
        <span className="row__note">
          <Icon name="lock" size={12} /> Note{' '}
        </span>
      ) : null}
      <span className="row__author">{previewAuthor(row, me, agentName)}</span>
      {last.preview}
    </span>
  )
}

const priorityNames: Readonly<Record<string, string>> = { low: 'Low', medium: 'Medium', high: 'High', urgent: 'Urgent' }

const PriorityMark = ({ priority }: { readonly priority: string }): ReactElement | null =>
  priority === 'none' ? null : (
    <span className={`priority priority--${priority}`} title={`${priorityNames[priority] ?? priority} priority`}>
      <Icon name="flag" size={12} />
      <span className={priority === 'urgent' || priority === 'high' ? '' : 'hidden-text'}>{priorityNames[priority]}</span>
    </span>
  )

export const LabelChip = ({ label }: { readonly label: Label }): ReactElement => (
  <span className="chip" style={{ '--label-color': label.color } as CSSProperties}>
    <span className="chip__dot" />
    {label.name}
  </span>
)

const SendMark = ({ row }: { readonly row: Conversation }): ReactElement | null => {
  const state = row.lastMessage?.sendState
  if (state === 'failed')
    return (
      <span className="send-mark send-mark--failed">
        <Icon name="alert" size={12} /> Not sent
      </span>
    )
  if (state === 'unknown')
    return (
      <span className="send-mark send-mark--unknown">
        <Icon name="question" size={12} /> Unknown
      </span>
    )
  return null
}

const Labels = ({ row }: { readonly row: Conversation }): ReactElement => {
  const labels = useSlice((state) => state.labels)
  const known = row.labels.flatMap((id) => labels.get(id) ?? [])
  const hidden = known.length - LABELS_SHOWN
  return (
    <>
      {known.slice(0, LABELS_SHOWN).map((label) => (
        <LabelChip key={label.id} label={label} />
      ))}
      {hidden > 0 ? (
        <span className="chip" title={known.map(({ name }) => name).join(', ')}>
          +{hidden}
        </span>
      ) : null}
    </>
  )
}

const AssigneeMark = ({ row }: { readonly row: Conversation }): ReactElement | null => {
  const name = useSlice((state) => state.agents.get(row.assignee?.id ?? '')?.name)
  const me = useSlice((state) => state.me.id)
  if (row.assignee === null) return null
  const shown = row.assignee.kind === 'bot' ? 'Bot' : row.assignee.id === me ? 'You' : (name ?? 'Agent')
  return (
    <span className="row__assignee" title={`Assigned to ${shown}`}>
      {row.assignee.kind === 'bot' ? <Icon name="bot" size={14} /> : <Avatar id={row.assignee.id} name={name ?? shown} size={1.125} />}
      <span className="row__assignee-name">{shown.split(' ')[0]}</span>
    </span>
  )
}

const Clock = ({ row, now }: { readonly row: Conversation; readonly now: number }): ReactElement | null => {
  if (row.state === 'snoozed') {
    return (
      <span className="row__clock">
        <Icon name="moon" size={12} /> {row.snoozedUntil === null ? 'until they write' : comingTime(row.snoozedUntil, now)}
      </span>
    )
  }
  if (row.waitingSince === null) return null
  return (
    <span className="row__clock" title={`Waiting since ${fullTime(row.waitingSince)}`}>
      <Icon name="clock" size={12} /> {duration(now - Date.parse(row.waitingSince))}
    </span>
  )
}

interface ConversationRowProps {
  readonly row: Conversation
  readonly now: number
  readonly isSelected: boolean
}

export const ConversationRow = memo(({ row, now, isSelected }: ConversationRowProps): ReactElement => {
  const name = contactNameOf(row)
  return (
    <div className={`row${isSelected ? ' row--selected' : ''}${row.unread > 0 ? ' row--unread' : ''}`}>
      <span className="row__avatar">
        <Avatar id={row.contactId} name={name} />
        <ChannelMark channel={row.channel} />
      </span>
      <span className="row__head">
        <span className="row__name">{name}</span>
        <PriorityMark priority={row.priority} />
        <time className="row__time" dateTime={row.lastActivityAt} title={fullTime(row.lastActivityAt)}>
          {shortTime(row.lastActivityAt, now)}
        </time>
      </span>
      <span className="row__body">
        <Preview row={row} />
        {row.unread > 0 ? (
          <span className="badge">
            {row.unread > 99 ? '99+' : row.unread}
            <span className="hidden-text"> unread</span>
          </span>
        ) : null}
      </span>
      <span className="row__foot">
        <AssigneeMark row={row} />
        <SendMark row={row} />
        <Clock row={row} now={now} />
        <Labels row={row} />
      </span>
    </div>
  )
})
