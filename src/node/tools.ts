// What every part of a node is given: its logger, and the list of what to close.
// Between the composition root and the parts; nothing here knows any of them.

import { pino, type Logger } from 'pino'
import { ConfabError } from '#errors'
import type { Metrics } from '#metrics'

export const openLogger = (level: string): Logger =>
  pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    // Ids only: never texts, tokens, addresses (house rule 26).
    redact: ['*.token', '*.authorization', '*.password', '*.credentials', '*.text', '*.body'],
  })

/** Things to close, newest first. */
export const openStack = () => {
  const closers: (() => Promise<void> | void)[] = []
  return {
    add: (close: () => Promise<void> | void): void => void closers.push(close),
    async close(): Promise<void> {
      for (const close of closers.splice(0).toReversed()) await close()
    },
  }
}
export type Stack = ReturnType<typeof openStack>

export interface NodeTools {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly stack: Stack
}

/** A part that this node's duties do without: whoever asks it all the same has a fault of ours before them. */
export const absent = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, key) => {
      // Promises and printers ask everything for these.
      if (key === 'then' || typeof key === 'symbol') return undefined
      throw new ConfabError('internal', { detail: `This node has no ${name}: its duties do without.` })
    },
  })

/** Calls back once; the answer calls it off. */
export const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}
