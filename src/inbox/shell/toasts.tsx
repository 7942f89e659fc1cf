// Short notices at the foot of the page: what was done, with a way back, and what was refused.
// Between actions and the agent; each leaves by itself unless it is being looked at.

import { useEffect, useState, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useSlice } from '../state/hooks.ts'
import type { Toast } from '../state/model.ts'

const SHOWN_MS = 8_000

const ToastView = ({ toast }: { readonly toast: Toast }): ReactElement => {
  const inbox = useInbox()
  const [isHeld, setHeld] = useState(false)
  useEffect(() => {
    if (isHeld) return undefined
    const timer = setTimeout(() => inbox.dismiss(toast.key), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [inbox, toast.key, isHeld])
  return (
    <div
      className={`toast toast--${toast.tone}`}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span>{toast.text}</span>
      {toast.undo === null ? null : (
        <button
          type="button"
          className="toast__undo"
          onClick={() => {
            toast.undo?.()
            inbox.dismiss(toast.key)
          }}
        >
          Undo
        </button>
      )}
      <button type="button" className="toast__close" aria-label="Dismiss" onClick={() => inbox.dismiss(toast.key)}>
        <Icon name="close" size={14} />
      </button>
    </div>
  )
}

export const Toasts = (): ReactElement => {
  const toasts = useSlice((state) => state.toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <ToastView key={toast.key} toast={toast} />
      ))}
    </div>
  )
}
