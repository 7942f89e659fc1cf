// Says what comes into the open thread to those who listen: each message once, a rush of them as a number.
// Between messages, which the virtualised log draws and removes as one scrolls, and a screen reader, which must not hear that.

import { useEffect, useRef, useState, type ReactElement } from 'react'
import type { Message } from '#schemas'
import { authorName, type Names } from '../words/words.ts'

/** What comes within this is said together. */
const GATHER_MS = 700
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

interface SpeakerProps {
  readonly messages: readonly Message[]
  readonly names: Names
}

export const Speaker = ({ messages, names }: SpeakerProps): ReactElement => {
  const [words, setWords] = useState('')
  const newest = messages.reduce((seq, message) => Math.max(seq, message.seq), 0)
  // What was there when the thread was opened is read by going to it.
  const heard = useRef(newest)
  const latest = useRef({ messages, names })
  useEffect(() => {
    latest.current = { messages, names }
  })
  useEffect(() => {
    if (newest <= heard.current) return undefined
    const timer = setTimeout(() => {
      const { messages: all, names: known } = latest.current
      const fresh = all.filter(({ seq, author }) => seq > heard.current && author.id !== known.me)
      heard.current = all.reduce((seq, message) => Math.max(seq, message.seq), heard.current)
      if (fresh.length > 0) setWords(spokenWords(fresh, known))
    }, GATHER_MS)
    return () => clearTimeout(timer)
  }, [newest])
  return (
    <p className="hidden-text" role="status">
      {words}
    </p>
  )
}
