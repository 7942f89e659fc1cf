// Where an agent writes: a reply or a note, visibly unlike, with files, a kept draft, and keys.
// Between the agent's hands and a send, which carries the last seq that was on screen.

import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type ReactElement, type RefObject } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useSlice } from '../state/hooks.ts'
import type { Pending, Upload } from '../state/model.ts'
import { useSignal } from '../state/signals.ts'
import { drawId } from '../words/ids.ts'
import { sizeWords } from '../words/text.ts'
import { useDraft } from './use-draft.ts'
import { useUploads, type Uploads } from './use-uploads.ts'

/** Typing is told at most this often. */
const TYPING_EVERY_MS = 4_000

interface ComposerProps {
  readonly conversationId: string
  readonly contactName: string
  readonly seenSeq: number
  /** A refused message that comes back to be edited. */
  readonly returned: Pending | null
}

const UploadChip = ({ upload, onRemove }: { readonly upload: Upload; readonly onRemove: () => void }): ReactElement => (
  <li className={`upload${upload.problem === null ? '' : ' upload--failed'}`}>
    <Icon name={upload.problem === null ? 'file' : 'alert'} />
    <span className="upload__name">{upload.name}</span>
    <span className="file__hint">
      {upload.problem ?? (upload.fileId === null ? `${Math.round(upload.progress * 100)} %` : sizeWords(upload.sizeBytes))}
    </span>
    <button
      type="button"
      className="button button--quiet button--icon button--small"
      aria-label={`Remove ${upload.name}`}
      onClick={onRemove}
    >
      <Icon name="close" size={12} />
    </button>
    {upload.fileId === null && upload.problem === null ? (
      <progress value={upload.progress} max={1} aria-label={`Storing ${upload.name}`} />
    ) : null}
  </li>
)

/** Tells the contact that an agent types, and that they stopped; only ever from a reply. */
const useTyping = (conversationId: string): ((isReply: boolean) => void) => {
  const inbox = useInbox()
  const toldAt = useRef(0)
  useEffect(
    () => () => {
      if (toldAt.current > 0) inbox.typing(conversationId, false)
    },
    [inbox, conversationId],
  )
  return useCallback(
    (isReply: boolean) => {
      if (!isReply && toldAt.current > 0) {
        toldAt.current = 0
        inbox.typing(conversationId, false)
      }
      if (!isReply || Date.now() - toldAt.current < TYPING_EVERY_MS) return
      toldAt.current = Date.now()
      inbox.typing(conversationId, true)
    },
    [inbox, conversationId],
  )
}

/** The field grows with its words, up to a third of the window. */
const useGrowth = (field: RefObject<HTMLTextAreaElement | null>, text: string): void => {
  useEffect(() => {
    const element = field.current
    if (element === null) return
    element.style.height = 'auto'
    element.style.height = `${Math.min(element.scrollHeight, window.innerHeight / 3)}px`
  }, [field, text])
}

const ModeTabs = ({ isNote, onChange }: { readonly isNote: boolean; readonly onChange: (isNote: boolean) => void }): ReactElement => (
  <div className="composer__modes" role="group" aria-label="Kind of message">
    <button type="button" className="mode" aria-pressed={!isNote} onClick={() => onChange(false)} title="Reply (R)">
      Reply
    </button>
    <button type="button" className="mode mode--note" aria-pressed={isNote} onClick={() => onChange(true)} title="Note (N)">
      <Icon name="lock" size={13} /> Note
    </button>
  </div>
)

const AttachButton = ({ files }: { readonly files: Uploads }): ReactElement => {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          files.add(event.currentTarget.files ?? [])
          event.currentTarget.value = ''
        }}
      />
      <button
        type="button"
        className="button button--quiet button--icon"
        title="Attach a file"
        aria-label="Attach a file"
        onClick={() => input.current?.click()}
      >
        <Icon name="clip" />
      </button>
    </>
  )
}

const Foot = ({
  files,
  isNote,
  canSend,
  onSend,
}: {
  readonly files: Uploads
  readonly isNote: boolean
  readonly canSend: boolean
  readonly onSend: () => void
}): ReactElement => (
  <div className="composer__foot">
    <AttachButton files={files} />
    <span className="composer__hint">Enter sends · Shift+Enter for a new line</span>
    <button
      type="button"
      className={`button button--primary composer__send${isNote ? ' composer__send--note' : ''}`}
      disabled={!canSend}
      onClick={onSend}
    >
      <Icon name={isNote ? 'lock' : 'send'} />
      {isNote ? 'Add note' : 'Send'}
    </button>
  </div>
)

/** Everything the composer knows and does, apart from how it looks. */
const useComposer = ({ conversationId, seenSeq, returned }: ComposerProps) => {
  const inbox = useInbox()
  const { draft, change, clear } = useDraft(conversationId)
  const files = useUploads()
  const tell = useTyping(conversationId)
  const field = useRef<HTMLTextAreaElement>(null)
  const { replace } = files

  const focusAs = useCallback(
    (isNote: boolean) => {
      change({ text: field.current?.value ?? '', isNote })
      field.current?.focus()
    },
    [change],
  )
  useSignal(
    'reply',
    useCallback(() => focusAs(false), [focusAs]),
  )
  useSignal(
    'note',
    useCallback(() => focusAs(true), [focusAs]),
  )
  useGrowth(field, draft.text)

  useEffect(() => {
    if (returned === null) return
    change({ text: returned.text, isNote: returned.isNote })
    replace(returned.uploads)
    field.current?.focus()
  }, [returned, change, replace])

  const ready = files.uploads.filter(({ fileId }) => fileId !== null)
  const canSend = (draft.text.trim() !== '' || ready.length > 0) && !files.isBusy
  const send = (): void => {
    if (!canSend) return
    inbox.send(conversationId, {
      clientId: drawId(),
      text: draft.text.trim(),
      isNote: draft.isNote,
      uploads: ready,
      seenSeq,
      isOverride: false,
    })
    clear()
    replace([])
    tell(false)
  }
  const typed = (text: string): void => {
    change({ text, isNote: draft.isNote })
    tell(!draft.isNote && text.trim() !== '')
  }
  return { draft, change, files, field, focusAs, canSend, send, typed }
}

export const Composer = (props: ComposerProps): ReactElement => {
  const { draft, files, field, focusAs, canSend, send, typed } = useComposer(props)
  const [isDropping, setDropping] = useState(false)
  const mayWrite = useSlice((state) => state.me.permissions.includes('message.send'))
  const { isNote } = draft

  const keyed = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    event.stopPropagation()
    const isMod = event.metaKey || event.ctrlKey
    if (event.key === 'Escape') event.currentTarget.blur()
    else if (event.key === '/' && isMod) focusAs(!isNote)
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing && (isMod || !event.shiftKey)) send()
    else return
    event.preventDefault()
  }

  if (!mayWrite) return <div className="composer composer--closed">Your role reads along and does not write.</div>
  return (
    <div
      className={`composer${isNote ? ' composer--note' : ''}${isDropping ? ' composer--dropping' : ''}`}
      onDragOver={(event) => {
        event.preventDefault()
        setDropping(true)
      }}
      onDragLeave={() => setDropping(false)}
      onDrop={(event) => {
        event.preventDefault()
        setDropping(false)
        files.add(event.dataTransfer.files)
      }}
    >
      <div className="composer__head">
        <ModeTabs isNote={isNote} onChange={focusAs} />
        {isNote ? <span className="composer__warning">Only your team sees this.</span> : null}
      </div>
      <textarea
        ref={field}
        className="composer__field"
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
      <Foot files={files} isNote={isNote} canSend={canSend} onSend={send} />
    </div>
  )
}
