// What the server finds for the words of the search box: people first, then messages, newest first, page by page.
// Between a field that changes with every key and `GET /v1/search`.

import { useCallback, useEffect, useMemo, useState } from 'react'
import type { Problem } from '#schemas'
import { useInbox } from '../state/hooks.ts'
import type { Answered } from '../state/inbox.ts'

/** After the last key. */
const ASK_AFTER_MS = 180
const PAGE = 25
const PEOPLE_MAX = 5
/** As the API takes it. */
const WORDS_MAX = 200

/** A hit as the page needs it: one that leads somewhere. */
export interface Hit {
  readonly conversationId: string
  /** Of a message; a contact has none. */
  readonly messageId?: string
  readonly at: string
  /** Hits stand between U+0002 and U+0003. */
  readonly snippet: string
}

interface Found {
  readonly words: string
  readonly people: readonly Hit[]
  readonly messages: readonly Hit[]
  readonly next: string | null
  readonly problem: Problem | null
}

export interface Search extends Found {
  /** What is shown is of other words, or not all of it is here. */
  readonly isBusy: boolean
  readonly more: () => void
}

interface Page {
  readonly items: readonly Hit[]
  readonly next: string | null
}

const nothing: Found = { words: '', people: [], messages: [], next: null, problem: null }

/** A contact may be known without a conversation: there is nothing to open. */
const leadsSomewhere = ({ conversationId }: Partial<Hit>): boolean => conversationId !== undefined && conversationId !== ''

const pathOf = (words: string, type: 'message' | 'contact', limit: number, cursor: string | null): string =>
  `/v1/search?${new URLSearchParams({ q: words.slice(0, WORDS_MAX), type, limit: String(limit), ...(cursor === null ? {} : { cursor }) }).toString()}`

export const useSearch = (typed: string): Search => {
  const inbox = useInbox()
  const words = typed.trim()
  const [found, setFound] = useState<Found>(nothing)
  const [isPaging, setPaging] = useState(false)

  const ask = useCallback(
    async (type: 'message' | 'contact', limit: number, cursor: string | null): Promise<Answered<Page>> => {
      const answer = await inbox.request<Page>('GET', pathOf(words, type, limit, cursor))
      if (answer.problem !== undefined) return answer
      const items = answer.ok.items.filter(leadsSomewhere)
      inbox.lookUp(items.map(({ conversationId }) => conversationId))
      return { ok: { items, next: answer.ok.next } }
    },
    [inbox, words],
  )

  useEffect(() => {
    if (words === '') return undefined
    let isCurrent = true
    const begin = async (): Promise<void> => {
      const [people, messages] = await Promise.all([ask('contact', PEOPLE_MAX, null), ask('message', PAGE, null)])
      if (!isCurrent) return
      setPaging(false)
      // Who may not see contacts still searches messages.
      const known = people.problem === undefined ? people.ok.items : []
      setFound(
        messages.problem === undefined
          ? { words, people: known, messages: messages.ok.items, next: messages.ok.next, problem: null }
          : { ...nothing, words, problem: messages.problem },
      )
    }
    const timer = setTimeout(() => void begin().catch(() => undefined), ASK_AFTER_MS)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [words, ask])

  const more = useCallback(() => {
    if (isPaging || found.next === null || found.words !== words) return
    setPaging(true)
    const go = async (): Promise<void> => {
      const answer = await ask('message', PAGE, found.next)
      setPaging(false)
      setFound((before) => {
        if (before !== found) return before
        return answer.problem === undefined
          ? { ...before, messages: [...before.messages, ...answer.ok.items], next: answer.ok.next }
          : { ...before, problem: answer.problem }
      })
    }
    go().catch(() => setPaging(false))
  }, [ask, found, isPaging, words])

  return useMemo(() => {
    const shown = words === '' ? nothing : found
    return { ...shown, isBusy: isPaging || shown.words !== words, more }
  }, [words, found, isPaging, more])
}
