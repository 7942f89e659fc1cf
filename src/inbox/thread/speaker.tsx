// Says what comes into the open thread to those who listen: each message once, a rush of them as a number.
// Between messages, which the virtualised log draws and removes as one scrolls, and a screen reader, which must not hear that.

import { useEffect, useRef, useState, type ReactElement } from 'react'
import type { Message } from '#schemas'
import { spokenWords } from '../words/spoken.ts'
import type { Names } from '../words/words.ts'

/** What comes within this is said together. */
const GATHER_MS = 700
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
