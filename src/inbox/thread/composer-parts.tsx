// What the composer is made of: its two modes, the files beside the words, the row of buttons below.
// Between the composer's state and plain elements.

import { useCallback, useRef, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import type { Upload } from '../state/model.ts'
import { useSignal } from '../state/signals.ts'
import { sizeWords } from '../words/text.ts'
import type { Uploads } from './use-uploads.ts'

export const UploadChip = ({ upload, onRemove }: { readonly upload: Upload; readonly onRemove: () => void }): ReactElement => (
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

export const ModeTabs = ({
  isNote,
  onChange,
}: {
  readonly isNote: boolean
  readonly onChange: (isNote: boolean) => void
}): ReactElement => (
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
  useSignal(
    'attach',
    useCallback(() => input.current?.click(), []),
  )
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
        title="Attach a file (Ctrl+Shift+F)"
        aria-label="Attach a file"
        onClick={() => input.current?.click()}
      >
        <Icon name="clip" />
      </button>
    </>
  )
}

export const Foot = ({
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
