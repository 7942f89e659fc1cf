// What is said aloud of messages that have just come.
// Pure, between the open thread and those who listen to it.

import type { Message } from '#schemas'
import { authorName, type Names } from './words.ts'

/** More than this is a number. */
const SPOKEN_MAX = 2

/** What is said of messages that came together. */
export const spokenWords = (fresh: readonly Message[], names: Names): string => {
  if (fresh.length > SPOKEN_MAX) return `${fresh.length} new messages`
  return fresh
    .map(({ author, direction, content }) => {
      const who = authorName(author, names)
      return `${direction === 'note' ? `Note by ${who}` : who}: ${content?.text ?? 'a file'}`
    })
    .join('. ')
}
