// The fate of an outbound message as a mark and a word: clock, one tick, two, read, failed with its reason, unknown with three ways on.
// Between the send state that events report and what an agent can do about it.

import type { ReactElement } from 'react'
import type { Message } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import { useInbox } from '../state/hooks.ts'
import { comingTime, fullTime } from '../words/times.ts'
import { sendReason } from '../words/words.ts'

const marks = {
  queued: { icon: 'clock', word: 'Sending' },
  sent: { icon: 'check', word: 'Sent' },
  delivered: { icon: 'checks', word: 'Delivered' },
  read: { icon: 'checks', word: 'Read' },
  failed: { icon: 'alert', word: 'Not sent' },
  unknown: { icon: 'question', word: 'Not known whether it arrived' },
} as const

/** A message that waits for its time. */
export const ScheduledMark = ({ sendAt, now }: { readonly sendAt: string; readonly now: number }): ReactElement => (
  <span className="tick" title={fullTime(sendAt)}>
    <Icon name="clock" size={13} /> Goes out {comingTime(sendAt, now)}
  </span>
)

/** Whether its time is still to come. */
export const isScheduled = ({ send, sendAt }: Message, now: number): boolean =>
  send?.state === 'queued' && sendAt !== undefined && Date.parse(sendAt) > now

/** The small mark inside a bubble; failed and unknown have a line of their own below besides. */
export const SendMark = ({ send }: { readonly send: NonNullable<Message['send']> }): ReactElement => {
  const { icon, word } = marks[send.state]
  return (
    <span className={`tick tick--${send.state}`} title={word}>
      <Icon name={icon} size={13} />
      <span className="hidden-text">{word}</span>
    </span>
  )
}

const Failed = ({ message, send }: { readonly message: Message; readonly send: NonNullable<Message['send']> }): ReactElement => {
  const inbox = useInbox()
  return (
    <div className="fate fate--failed" role="status">
      <Icon name="alert" size={14} />
      <span>
        <strong>Not sent.</strong> {sendReason(send)}
      </span>
      <button type="button" className="link" onClick={() => inbox.retry(message.conversationId, message.id, false)}>
        Try again
      </button>
    </div>
  )
}

const Unknown = ({ message, send }: { readonly message: Message; readonly send: NonNullable<Message['send']> }): ReactElement => {
  const inbox = useInbox()
  const { conversationId, id } = message
  return (
    <div className="fate fate--unknown" role="status">
      <Icon name="question" size={14} />
      <span>
        <strong>It is not known whether this arrived.</strong> {sendReason(send)} Check with them or at the provider.
      </span>
      <span className="fate__choices">
        <button type="button" className="button button--small" onClick={() => inbox.settle(conversationId, id, 'sent')}>
          It was sent
        </button>
        <button type="button" className="button button--small" onClick={() => inbox.settle(conversationId, id, 'failed')}>
          It was not
        </button>
        <button
          type="button"
          className="button button--small"
          title="They may get it twice"
          onClick={() => inbox.retry(conversationId, id, true)}
        >
          Send again
        </button>
      </span>
    </div>
  )
}

export const Fate = ({ message }: { readonly message: Message }): ReactElement | null => {
  const { send } = message
  if (send?.state === 'failed') return <Failed message={message} send={send} />
  return send?.state === 'unknown' ? <Unknown message={message} send={send} /> : null
}
