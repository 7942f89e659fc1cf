// A list of settings and writing to it: loaded when shown, loaded again after each write, problems kept to be shown.
// Between the forms of settings and the CRUD paths.

import { useCallback, useEffect, useState } from 'react'
import type { Problem } from '#schemas'
import { useInbox } from '../state/hooks.ts'
import type { Answered } from '../state/inbox.ts'

export interface SettingsList<T> {
  readonly items: readonly T[] | null
  readonly problem: Problem | null
  readonly isBusy: boolean
  /** Resolves with what the API answered, or null where it refused; the refusal is in `problem`. */
  readonly write: <R>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) => Promise<R | null>
}

export const useSettings = <T>(path: string): SettingsList<T> => {
  const inbox = useInbox()
  const [items, setItems] = useState<readonly T[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)

  const take = useCallback((answer: Answered<{ items: T[] }>) => {
    if (answer.problem === undefined) setItems(answer.ok.items)
    else setProblem(answer.problem)
  }, [])

  useEffect(() => {
    let isCurrent = true
    inbox
      .request<{ items: T[] }>('GET', `${path}?limit=100`)
      .then((answer) => {
        if (isCurrent) take(answer)
      })
      .catch(() => undefined)
    return () => {
      isCurrent = false
    }
  }, [inbox, path, take])

  const write = useCallback(
    async <R>(method: 'POST' | 'PATCH' | 'DELETE', target: string, body?: unknown): Promise<R | null> => {
      setBusy(true)
      setProblem(null)
      const answer = await inbox.request<R>(method, target, body)
      setBusy(false)
      if (answer.problem !== undefined) {
        setProblem(answer.problem)
        return null
      }
      take(await inbox.request<{ items: T[] }>('GET', `${path}?limit=100`))
      await inbox.reloadDirectory()
      return answer.ok
    },
    [inbox, path, take],
  )

  return { items, problem, isBusy, write }
}
