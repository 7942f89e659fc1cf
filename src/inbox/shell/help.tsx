// The sheet of keys.
// Between `?` and an agent who would rather not use the mouse.

import type { ReactElement } from 'react'
import { Dialog } from '../parts/dialog.tsx'

const keys: readonly (readonly [string, readonly string[]])[] = [
  ['Next, previous conversation', ['J', 'K']],
  ['Open', ['Enter']],
  ['Close, back', ['Esc']],
  ['Reply', ['R']],
  ['Note', ['N']],
  ['Take it', ['C']],
  ['Assign to…', ['A']],
  ['Resolve', ['E']],
  ['Reopen', ['Shift', 'O']],
  ['Snooze', ['Z']],
  ['Labels', ['L']],
  ['Priority', ['P']],
  ['Mark unread', ['U']],
  ['Details', ['D']],
  ['Search the list', ['/']],
  ['Previous, next view', ['[', ']']],
  ['Send', ['Enter']],
  ['New line', ['Shift', 'Enter']],
  ['Switch reply and note', ['Ctrl', '/']],
  ['This sheet', ['?']],
]

export const Help = ({ onClose }: { readonly onClose: () => void }): ReactElement => (
  <Dialog title="Keyboard" onClose={onClose}>
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
  </Dialog>
)
