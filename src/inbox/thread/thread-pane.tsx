// The open conversation: header, log, composer, and what stands there while it loads or where it cannot be shown.
// Between the route's conversation id and the thread that events keep true.

import { useEffect, useState, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useNames, useSlice } from '../state/hooks.ts'
import { emptyThread, type InboxState, type Pending, type Thread } from '../state/model.ts'
import { contactNameOf } from '../words/names.ts'
import { Composer } from './composer.tsx'
import { Header } from './header.tsx'
import { Log } from './log.tsx'

interface ThreadPaneProps {
  readonly conversationId: string
  /** To be shown; null = the newest. */
  readonly messageId: string | null
  readonly onBack: () => void
  readonly onDetails: () => void
  readonly isDetailsOpen: boolean
}

/** Turns the thread to the message that the route names, once it is loaded. */
const useMessage = (conversationId: string, messageId: string | null, thread: Thread): void => {
  const inbox = useInbox()
  const { isLoaded } = thread
  useEffect(() => {
    if (messageId === null || !isLoaded) return
    inbox.showMessage(conversationId, messageId).then(
      (isThere) => {
        if (!isThere) inbox.notify('That message is not there any more.')
      },
      () => undefined,
    )
  }, [inbox, conversationId, messageId, isLoaded])
}

const Open = ({
  row,
  messageId,
  onBack,
  onDetails,
  isDetailsOpen,
}: Omit<ThreadPaneProps, 'conversationId'> & { readonly row: Conversation }): ReactElement => {
  const inbox = useInbox()
  const name = contactNameOf(row)
  const names = useNames(name)
  const thread = useSlice((state) => state.threads.get(row.id)) ?? emptyThread
  const [returned, setReturned] = useState<Pending | null>(null)
  useMessage(row.id, messageId, thread)
  return (
    <>
      <Header row={row} onBack={onBack} onDetails={onDetails} isDetailsOpen={isDetailsOpen} />
      {thread.isLoaded ? (
        <Log
          conversationId={row.id}
          thread={thread}
          targetId={messageId}
          names={names}
          contactId={row.contactId}
          onEdit={(pending) => {
            inbox.discardPending(row.id, pending.clientId)
            setReturned(pending)
          }}
        />
      ) : (
        <div className="log__frame">
          {thread.problem === null ? null : (
            <div className="empty" role="alert">
              <Icon name="alert" />
              <p className="empty__title">This conversation could not be loaded.</p>
              <p>{thread.problem.title}</p>
            </div>
          )}
        </div>
      )}
      <Composer key={row.id} conversationId={row.id} contactName={name} seenSeq={row.seq} window={row.window} returned={returned} />
    </>
  )
}

export const ThreadPane = (props: ThreadPaneProps): ReactElement => {
  const { conversationId } = props
  const inbox = useInbox()
  const row = useSlice((state) => state.rows.get(conversationId))
  const problem = useSlice((state) => state.threads.get(conversationId)?.problem ?? null)
  useEffect(() => inbox.openThread(conversationId), [inbox, conversationId])
  return (
    <main className="thread" aria-label={row === undefined ? 'Conversation' : `Conversation with ${contactNameOf(row)}`}>
      {row === undefined ? (
        <div className="empty">
          {problem === null ? null : (
            <>
              <Icon name="alert" />
              <p className="empty__title">This conversation cannot be shown.</p>
              <p>{problem.title}</p>
            </>
          )}
        </div>
      ) : (
        <Open key={row.id} {...props} row={row} />
      )}
    </main>
  )
}

/** Before the first message there is nothing to choose: say how to make one. */
const FirstStep = (): ReactElement => (
  <div className="empty">
    <Icon name="inbox" />
    <p className="empty__title">Nobody has written yet</p>
    <p>
      Write to yourself on{' '}
      <a href="/try" target="_blank" rel="noreferrer">
        the page with the web chat
      </a>
      , or connect a number in Settings.
    </p>
  </div>
)

const isNew = ({ rows, counts }: InboxState): boolean =>
  rows.size === 0 && counts !== null && Object.values(counts).every((count) => count === 0)

export const NoThread = (): ReactElement => {
  const isFirst = useSlice(isNew)
  return <main className="thread thread--none">{isFirst ? <FirstStep /> : <Choose />}</main>
}

const Choose = (): ReactElement => (
  <div className="empty">
    <Icon name="inbox" />
    <p className="empty__title">Choose a conversation</p>
    <p>
      <span className="kbd">J</span> and <span className="kbd">K</span> move through the list, <span className="kbd">?</span> shows all
      keys.
    </p>
  </div>
)
