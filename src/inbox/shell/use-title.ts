// The tab's title counts what is unread and mine.
// Between the rows and the browser's tab bar.

import { useEffect } from 'react'
import { useSlice } from '../state/hooks.ts'
import type { InboxState } from '../state/model.ts'

const unreadOf = ({ rows, me }: InboxState): number => {
  let count = 0
  for (const row of rows.values()) if (row.assignee?.id === me.id && row.state === 'open') count += row.unread
  return count
}

export const useTitle = (): void => {
  const unread = useSlice(unreadOf)
  const organization = useSlice((state) => state.me.organizationName)
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${organization}`
  }, [unread, organization])
}
