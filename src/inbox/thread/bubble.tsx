// One message as a bubble: inbound, outbound, or a note on its own ground with a lock and a word; and one still on its way.
// Between a message as it stands now and its place in a group of them.

import { memo, type ReactElement } from 'react'
import type { Message } from '#schemas'
import { Avatar } from '../parts/avatar.tsx'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useNow } from '../state/hooks.ts'
import type { Pending } from '../state/model.ts'
import { sizeWords } from '../words/text.ts'
import { drawId } from '../words/ids.ts'
import { clockTime, fullTime } from '../words/times.ts'
import { authorName, refusalOf, type Names } from '../words/words.ts'
import { ContentView } from './content.tsx'
import { Fate, isScheduled, ScheduledMark, SendMark } from './send-mark.tsx'

const sides = { in: 'in', out: 'out', note: 'note' } as const

/** Who reacted with what, each word of theirs once. */
const Reactions = ({ message, names }: { readonly message: Message; readonly names: Names }): ReactElement | null => {
  const known = (message.reactions ?? []).filter(({ emoji }) => emoji !== null)
  if (known.length === 0) return null
  return (
    <ul className="reactions" aria-label="Reactions">
      {[...Map.groupBy(known, ({ emoji }) => emoji ?? '')].map(([emoji, by]) => {
        const people = by.map((reaction) => authorName(reaction.by, names)).join(', ')
        return (
          <li key={emoji} className="reaction" title={people}>
            <span>{emoji}</span>
            {by.length > 1 ? <span aria-hidden="true">{by.length}</span> : null}
            <span className="hidden-text"> by {people}</span>
          </li>
        )
      })}
    </ul>
  )
}

const Meta = ({
  message,
  isWaiting,
  now,
}: {
  readonly message: Message
  readonly isWaiting: boolean
  readonly now: number
}): ReactElement => (
  <span className="bubble__meta">
    {message.edits > 0 ? <span>edited</span> : null}
    {isWaiting && message.sendAt !== undefined ? (
      <ScheduledMark sendAt={message.sendAt} now={now} />
    ) : (
      <time dateTime={message.orderAt} title={fullTime(message.orderAt)}>
        {clockTime(message.orderAt)}
      </time>
    )}
    {isWaiting || message.send === null || message.direction !== 'out' ? null : <SendMark send={message.send} />}
  </span>
)

const bubbleClass = (message: Message, isWaiting: boolean, isFound: boolean): string =>
  [
    `bubble bubble--${sides[message.direction]}`,
    message.send?.state === 'failed' ? 'bubble--failed' : '',
    isWaiting ? 'bubble--scheduled' : '',
    isFound ? 'bubble--found' : '',
  ]
    .filter(Boolean)
    .join(' ')

interface BubbleProps {
  readonly message: Message
  readonly names: Names
  readonly contactId: string
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly isLastRead: boolean
  /** What a search led to. */
  readonly isFound: boolean
}

export const Bubble = memo(({ message, names, contactId, isFirst, isLast, isLastRead, isFound }: BubbleProps): ReactElement => {
  const inbox = useInbox()
  const now = useNow()
  const isWaiting = isScheduled(message, now)
  const side = sides[message.direction]
  const author = authorName(message.author, names)
  return (
    <div className={`line line--${side}${isFirst ? ' line--first' : ''}${isLast ? ' line--last' : ''}`}>
      <span className="line__avatar">
        {isLast && side !== 'out' ? (
          <Avatar
            id={side === 'in' ? contactId : (message.author.id ?? '')}
            name={side === 'in' ? names.contact : (names.agent(message.author.id ?? '') ?? author)}
            size={1.75}
          />
        ) : null}
      </span>
      <div className="line__body">
        {isFirst ? (
          <div className="line__author">
            {side === 'note' ? (
              <span className="line__note-word">
                <Icon name="lock" size={12} /> Note
              </span>
            ) : null}
            {author}
          </div>
        ) : (
          <span className="hidden-text">{side === 'note' ? `Note by ${author}` : author}</span>
        )}
        <div className={bubbleClass(message, isWaiting, isFound)}>
          {message.isDeleted ? (
            <p className="content__gone">Deleted</p>
          ) : (
            <ContentView
              content={message.content}
              isErased={message.isErased}
              onSpent={() => inbox.renewLinks(message.conversationId, message.id)}
            />
          )}
          <Meta message={message} isWaiting={isWaiting} now={now} />
        </div>
        <Reactions message={message} names={names} />
        <Fate message={message} />
        {isLastRead ? (
          <div className="read-mark">
            <Avatar id={contactId} name={names.contact} size={0.9375} /> Read by {names.contact}
          </div>
        ) : null}
      </div>
    </div>
  )
})

interface PendingBubbleProps {
  readonly conversationId: string
  readonly pending: Pending
  readonly names: Names
  readonly isFirst: boolean
  /** Puts the words back into the composer. */
  readonly onEdit: (pending: Pending) => void
}

const Refused = ({ conversationId, pending, names, onEdit }: PendingBubbleProps): ReactElement | null => {
  const inbox = useInbox()
  if (pending.refusal === null) return null
  const { status } = pending.refusal
  const { title, advice, mayOverride } = refusalOf(pending.refusal, names)
  const sendAgain = (isOverride: boolean): void => {
    inbox.discardPending(conversationId, pending.clientId)
    // What the server decided it keeps under its id: another wish is another id. What has no answer may have arrived.
    const isDecided = status >= 400 && status < 500
    inbox.send(conversationId, { ...pending, clientId: isDecided ? drawId() : pending.clientId, isOverride })
  }
  return (
    <div className="fate fate--failed" role="alert">
      <Icon name="alert" size={14} />
      <span>
        <strong>{title}</strong> {advice}
      </span>
      <span className="fate__choices">
        {mayOverride ? (
          <button type="button" className="button button--small" onClick={() => sendAgain(true)}>
            Send all the same
          </button>
        ) : (
          <button type="button" className="button button--small" onClick={() => sendAgain(false)}>
            Try again
          </button>
        )}
        <button type="button" className="button button--small" onClick={() => onEdit(pending)}>
          Edit
        </button>
        <button type="button" className="button button--small" onClick={() => inbox.discardPending(conversationId, pending.clientId)}>
          Discard
        </button>
      </span>
    </div>
  )
}

export const PendingBubble = (props: PendingBubbleProps): ReactElement => {
  const { pending, isFirst } = props
  const side = pending.isNote ? 'note' : 'out'
  return (
    <div className={`line line--${side}${isFirst ? ' line--first' : ''} line--last line--pending`}>
      <span className="line__avatar" />
      <div className="line__body">
        {isFirst ? (
          <div className="line__author">
            {pending.isNote ? (
              <span className="line__note-word">
                <Icon name="lock" size={12} /> Note
              </span>
            ) : null}
            You
          </div>
        ) : null}
        <div className={`bubble bubble--${side}`}>
          {pending.uploads.map((upload) => (
            <span key={upload.key} className="file">
              <Icon name="file" />
              <span className="file__name">{upload.name}</span>
              <span className="file__hint">{sizeWords(upload.sizeBytes)}</span>
            </span>
          ))}
          {pending.text === '' ? null : <p className="content__text">{pending.text}</p>}
          <span className="bubble__meta">
            <time dateTime={pending.at}>{clockTime(pending.at)}</time>
            <span className="tick" title="Waiting">
              <Icon name={pending.refusal === null ? 'clock' : 'alert'} size={13} />
              <span className="hidden-text">{pending.refusal === null ? 'Waiting to be sent' : 'Refused'}</span>
            </span>
          </span>
        </div>
        <Refused {...props} />
      </div>
    </div>
  )
}
