// A modal dialog on the element that browsers bring: focus stays inside, Escape closes, the page behind rests.
// Between panes that ask something and the <dialog> element.

import { useEffect, useRef, type ReactElement, type ReactNode } from 'react'
import { Icon } from './icons.tsx'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}

export const Dialog = ({ title, onClose, children }: DialogProps): ReactElement => {
  const dialog = useRef<HTMLDialogElement>(null)

  useEffect(() => {
    const element = dialog.current
    if (element === null) return undefined
    const clicked = (event: Event): void => {
      // The backdrop belongs to the dialog; what stands on it does not.
      if (event.target === element) element.close()
    }
    element.addEventListener('click', clicked)
    element.showModal()
    return () => {
      element.removeEventListener('click', clicked)
      element.close()
    }
  }, [])

  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={onClose}>
      <div className="dialog__head">
        <h2>{title}</h2>
        <button type="button" className="button button--quiet button--icon" title="Close" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="dialog__body">{children}</div>
    </dialog>
  )
}
