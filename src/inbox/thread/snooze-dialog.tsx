// Asks for a time to wake up at.
// Between the snooze menu and the field for a date and a time.

import { useState, type ReactElement } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { useNow } from '../state/hooks.ts'

interface SnoozeDialogProps {
  readonly onChoose: (until: string) => void
  readonly onClose: () => void
}

/** What the field wants: the reader's own clock, without a zone. */
const localValue = (at: number): string => {
  const date = new Date(at)
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

const DAY_MS = 86_400_000

export const SnoozeDialog = ({ onChoose, onClose }: SnoozeDialogProps): ReactElement => {
  const now = useNow()
  const [value, setValue] = useState(() => localValue(Date.now() + DAY_MS))
  const at = Date.parse(value)
  const isComing = at > now
  return (
    <Dialog title="Snooze until" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          onChoose(new Date(at).toISOString())
          onClose()
        }}
      >
        <label className="field">
          <span className="field__label">Day and time</span>
          <input
            className="input"
            type="datetime-local"
            required
            min={localValue(now)}
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        {isComing ? null : <p className="problem">Choose a time that is still to come.</p>}
        <div className="form__end">
          <button type="button" className="button button--quiet" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button--primary" disabled={!isComing}>
            Snooze
          </button>
        </div>
      </form>
    </Dialog>
  )
}
