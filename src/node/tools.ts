// What every part of a node is given: its logger, and the list of what to close.
// Between the composition root and the parts; nothing here knows any of them.

import { pino, type Logger } from 'pino'
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
