// Where an agent writes: a reply or a note, visibly unlike, with files, a kept draft, keys, and the reply window over it.
// Between the agent's hands and a send, which carries the last seq that was on screen.

import { useContext, useState, type DragEvent, type KeyboardEvent, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { useSlice } from '../state/hooks.ts'
import type { Pending } from '../state/model.ts'
import { SignalsContext } from '../state/signals.ts'
import { Foot, ModeTabs, UploadChip } from './composer-parts.tsx'
import { useComposer } from './use-composer.ts'
import { useWindowClock, WindowNotice, windowStand } from './window-notice.tsx'

interface ComposerProps {
  readonly conversationId: string
  readonly contactName: string
  readonly seenSeq: number
  readonly window: Conversation['window']
  /** A refused message that comes back to be edited. */
  readonly returned: Pending | null
}

/** Files dropped anywhere on the composer are attached. */
const useDrop = (add: (files: Iterable<File>) => void): readonly [boolean, Readonly<Record<string, (event: DragEvent) => void>>] => {
  const [isDropping, setDropping] = useState(false)
  const handlers = {
    onDragOver: (event: DragEvent): void => {
      event.preventDefault()
      setDropping(true)
    },
    onDragLeave: (): void => setDropping(false),
    onDrop: (event: DragEvent): void => {
      event.preventDefault()
      setDropping(false)
      add(event.dataTransfer.files)
    },
  }
  return [isDropping, handlers]
}

export const Composer = (props: ComposerProps): ReactElement => {
  const now = useWindowClock(props.window)
  const stand = windowStand(props.window, now)
  const { draft, files, field, focusAs, isClosed, canSend, send, typed } = useComposer({ ...props, isWindowClosed: stand === 'closed' })
  const signals = useContext(SignalsContext)
  const [isDropping, drop] = useDrop(files.add)
  const mayWrite = useSlice((state) => state.me.permissions.includes('message.send'))
  const { isNote } = draft

  const keyed = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    event.stopPropagation()
    const isMod = event.metaKey || event.ctrlKey
    if (event.key === 'Escape') event.currentTarget.blur()
    else if (event.key === '/' && isMod) focusAs(!isNote)
    else if (event.code === 'KeyF' && isMod && event.shiftKey) signals.emit('attach')
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing && (isMod || !event.shiftKey)) {
      if (send() && isMod && event.shiftKey) signals.emit('resolve')
    } else return
    event.preventDefault()
  }

  if (!mayWrite) return <div className="composer composer--closed">Your role reads along and does not write.</div>
  return (
    <div className={`composer${isNote ? ' composer--note' : ''}${isDropping ? ' composer--dropping' : ''}`} {...drop}>
      <div className="composer__head">
        <ModeTabs isNote={isNote} onChange={focusAs} />
        {isNote ? <span className="composer__warning">Only your team sees this.</span> : null}
      </div>
      {props.window !== null && (stand === 'closing' || stand === 'closed') && !isNote ? (
        <WindowNotice expiresAt={props.window.expiresAt} now={now} onNote={() => focusAs(true)} />
      ) : null}
      <textarea
        ref={field}
        className="composer__field"
        hidden={isClosed}
        rows={1}
        value={draft.text}
        aria-label={isNote ? 'Note to your team' : `Reply to ${props.contactName}`}
        placeholder={isNote ? 'Write a note to your team…' : `Reply to ${props.contactName}…`}
        onChange={(event) => typed(event.currentTarget.value)}
        onKeyDown={keyed}
        onPaste={(event) => {
          if (event.clipboardData.files.length > 0) files.add(event.clipboardData.files)
        }}
      />
      {files.uploads.length > 0 ? (
        <ul className="composer__uploads">
          {files.uploads.map((upload) => (
            <UploadChip key={upload.key} upload={upload} onRemove={() => files.remove(upload.key)} />
          ))}
        </ul>
      ) : null}
      {isClosed ? null : <Foot files={files} isNote={isNote} canSend={canSend} onSend={send} />}
    </div>
  )
}
