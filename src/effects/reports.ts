// How carriers bring results back: commands with derived ids, appended until the log takes them. And how they wait.
// Between the carriers and the command door; a report that is lost to a crash is made again from the open effect.

import { hasCode } from '#errors'
import type { Entry } from '#log'
import type { Commands } from '#runtime'
import { derivePlain, type Command, type CommandType } from '#schemas/log'
import type { Timers } from '#timers'

export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Resolves at about `atMs`, at once where that has passed. Rejects never; resolves when `signal` aborts. */
export type WaitUntil = (atMs: number, signal: AbortSignal) => Promise<void>

let waits = 0

/** Waiting by the timers port: early wake-ups wait on, lost ones cannot happen in the local form. */
export const openWaits = (timers: Timers, clock: () => number): WaitUntil => {
  const waiting = new Map<string, () => void>()
  timers.onWake((key) => waiting.get(key)?.())
  return async (atMs, signal) => {
    while (!signal.aborted && clock() < atMs) {
      const key = `wait/${++waits}`
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.set(key, resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      timers.schedule(key, atMs)
      await promise
      waiting.delete(key)
      timers.cancel(key)
    }
  }
}

/** Delay before try number `tries` (from 1): doubles from `firstMs` to `maxMs`, with full jitter over its upper half. */
export const backoffMs = (tries: number, bounds: { readonly firstMs: number; readonly maxMs: number }, random: () => number): number => {
  const whole = Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(tries - 1, 30))
  return whole / 2 + (whole / 2) * random()
}

const POST_BACKOFF = { firstMs: 100, maxMs: 5000 } as const

export interface ReportsOptions {
  readonly commands: Pick<Commands, 'post'>
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
}

export interface Reports {
  /** Appends until the log takes it, or `signal` aborts: then the effect is still open and is reported after the restart. */
  post(commands: readonly Command[], signal: AbortSignal, extra?: readonly Entry[]): Promise<void>
}

export const openReports = ({ commands, clock, random, wait, logger }: ReportsOptions): Reports => ({
  async post(reports, signal, extra) {
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        return await commands.post(reports, extra)
      } catch (error) {
        if (hasCode(error, 'record_too_large', 'record_invalid')) throw error
        logger.warn({ tries, commandId: reports[0]?.commandId, err: error }, 'report not taken')
        await wait(clock() + backoffMs(tries, POST_BACKOFF, random), signal)
      }
    }
  },
})

/** The command by which a carrier tells an actor what became of an effect; the same report twice is one command. */
export const reportOf = <T extends CommandType>(
  effect: { readonly effectId: string; readonly organizationId: string },
  {
    actor,
    type,
    data,
    parts,
    at,
  }: {
    readonly actor: Command['actor']
    readonly type: T
    readonly data: Command<T>['data']
    readonly parts: readonly (string | number)[]
    readonly at: number
  },
): Command =>
  ({
    type,
    commandId: derivePlain('command', [effect.effectId, type, ...parts]),
    organizationId: effect.organizationId,
    actor,
    by: { kind: 'system', id: null },
    asksOutcome: false,
    bodyHash: '',
    at,
    data,
  }) as unknown as Command
