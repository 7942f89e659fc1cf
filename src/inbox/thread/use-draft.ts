// The composer's words: restored from the agent's draft, saved a second after the last key, dropped when sent.
// Between a text field and the marks that hold drafts; unsent words are nobody else's.

import { useCallback, useEffect, useRef, useState } from 'react'
import { useInbox } from '../state/hooks.ts'
import type { Draft } from '../state/inbox.ts'

const SAVE_AFTER_MS = 1_000
const EMPTY: Draft = { text: '', isNote: false }

export interface DraftField {
  readonly draft: Draft
  readonly change: (draft: Draft) => void
  /** After sending: empties the field without a save, since the send ends the draft. */
  readonly clear: () => void
}

export const useDraft = (conversationId: string): DraftField => {
  const inbox = useInbox()
  const [draft, setDraft] = useState(EMPTY)
  const isTouched = useRef(false)
  const unsaved = useRef<Draft | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const save = useCallback(() => {
    clearTimeout(timer.current)
    if (unsaved.current !== null) inbox.saveDraft(conversationId, unsaved.current)
    unsaved.current = null
  }, [inbox, conversationId])

  useEffect(() => {
    let isCurrent = true
    inbox
      .loadDraft(conversationId)
      .then((stored) => {
        // Whoever has begun to type is not interrupted by what they wrote another time.
        if (isCurrent && stored !== null && !isTouched.current) setDraft(stored)
      })
      .catch(() => undefined)
    window.addEventListener('pagehide', save)
    return () => {
      isCurrent = false
      window.removeEventListener('pagehide', save)
      save()
    }
  }, [inbox, conversationId, save])

  const change = useCallback(
    (next: Draft) => {
      isTouched.current = true
      unsaved.current = next
      setDraft(next)
      clearTimeout(timer.current)
      timer.current = setTimeout(save, SAVE_AFTER_MS)
    },
    [save],
  )

  const clear = useCallback(() => {
    clearTimeout(timer.current)
    unsaved.current = null
    setDraft((before) => ({ ...before, text: '' }))
  }, [])

  return { draft, change, clear }
}
