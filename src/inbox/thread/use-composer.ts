// Writing without its looks: the draft, the files, who is told that someone types, and the send with the last seq on screen.
// Between the composer's elements and the inbox.

import { useCallback, useEffect, useRef, type RefObject } from 'react'
import { useInbox } from '../state/hooks.ts'
import type { Pending } from '../state/model.ts'
import { useSignal } from '../state/signals.ts'
import { drawId } from '../words/ids.ts'
import { useDraft } from './use-draft.ts'
import { useUploads } from './use-uploads.ts'

/** Typing is told at most this often. */
const TYPING_EVERY_MS = 4_000

interface ComposerOptions {
  readonly conversationId: string
  readonly seenSeq: number
  /** A refused message that comes back to be edited. */
  readonly returned: Pending | null
  /** Replies are refused by the provider: only notes can be written. */
  readonly isWindowClosed: boolean
}

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

/** Everything the composer knows and does, apart from how it looks. */
export const useComposer = ({ conversationId, seenSeq, returned, isWindowClosed }: ComposerOptions) => {
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
  const isClosed = isWindowClosed && !draft.isNote
  const canSend = (draft.text.trim() !== '' || ready.length > 0) && !files.isBusy && !isClosed
  /** Whether it was sent. */
  const send = (): boolean => {
    if (!canSend) return false
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
    return true
  }
  const typed = (text: string): void => {
    change({ text, isNote: draft.isNote })
    tell(!draft.isNote && text.trim() !== '')
  }
  return { draft, files, field, focusAs, isClosed, canSend, send, typed }
}
