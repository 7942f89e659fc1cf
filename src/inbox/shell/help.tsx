// The sheet of keys, and the switch for those that act alone.
// Between `?` and an agent who would rather not use the mouse.

import type { ReactElement } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { setSingleKeys, useSingleKeys } from '../state/preferences.ts'

type Keys = readonly (readonly [string, readonly string[]])[]

const anywhere: Keys = [
  ['Next, previous conversation', ['J', 'K']],
  ['Open', ['Enter']],
  ['Close, back', ['Esc']],
  ['Reply', ['R']],
  ['Note', ['N']],
  ['Take it', ['C']],
  ['Assign to…', ['A']],
  ['Resolve', ['E']],
  ['Resolve and open the next', ['Shift', 'E']],
  ['Reopen', ['Shift', 'O']],
  ['Snooze', ['Z']],
  ['Labels', ['L']],
  ['Priority', ['P']],
  ['Mark unread', ['U']],
  ['Details', ['D']],
  ['Search', ['/']],
  ['Previous, next view', ['[', ']']],
  ['Mine, unassigned, all', ['G', 'M U A']],
  ['Settings', ['G', 'S']],
  ['This sheet', ['?']],
]

const inComposer: Keys = [
  ['Send', ['Enter']],
  ['New line', ['Shift', 'Enter']],
  ['Send and resolve', ['Ctrl', 'Shift', 'Enter']],
  ['Switch reply and note', ['Ctrl', '/']],
  ['Attach a file', ['Ctrl', 'Shift', 'F']],
  ['Leave; the draft is kept', ['Esc']],
]

const Sheet = ({ title, keys }: { readonly title: string; readonly keys: Keys }): ReactElement => (
  <section>
    <h3>{title}</h3>
    <dl className="keys">
      {keys.map(([what, names]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>
            {names.map((name) => (
              <kbd key={name} className="kbd">
                {name}
              </kbd>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  </section>
)

export const Help = ({ onClose }: { readonly onClose: () => void }): ReactElement => {
  const isOn = useSingleKeys()
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <Sheet title="Outside of fields" keys={anywhere} />
      <Sheet title="While writing" keys={inComposer} />
      <label className="choice">
        <input type="checkbox" checked={isOn} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
        <span>
          Single keys act
          <span className="field__hint">Switch them off if you speak to your machine, or hit them by accident.</span>
        </span>
      </label>
    </Dialog>
  )
}
