// How many commands an organization may ask for: a token bucket each, so that one tenant's script cannot fill everybody's mailboxes.
// Between the doors and the command door, on each node for itself; what the system itself asks for is never held back.

import { LRUCache } from 'lru-cache'
import { ConfabError } from '#errors'
import type { Commands } from './commands.ts'

/** Organizations whose pace is remembered; one that is forgotten begins with a full bucket. */
const ORGANIZATIONS_MAX = 10_000
/** Seconds' worth of commands that may come at once. */
const BURST_SECONDS = 2

export interface AllowanceOptions {
  readonly perSecond: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** The same door, which answers `rate_limited` with Retry-After beyond the organization's allowance. Nothing refused was appended. */
export const limitCommands = (commands: Commands, { perSecond, clock }: AllowanceOptions): Commands => {
  const burstMs = BURST_SECONDS * 1000
  const stepMs = 1000 / perSecond
  /** When the bucket would be full again. */
  const fullAt = new LRUCache<string, number>({ max: ORGANIZATIONS_MAX })
  const take = (organizationId: string): void => {
    const now = clock()
    const next = Math.max(fullAt.get(organizationId) ?? 0, now) + stepMs
    const waitMs = next - now - burstMs
    if (waitMs > 0) throw new ConfabError('rate_limited', { retryAfterSeconds: Math.ceil(waitMs / 1000) })
    fullAt.set(organizationId, next)
  }
  return {
    async submit(submission, behind) {
      if (submission.by.kind !== 'system') take(submission.organizationId)
      return commands.submit(submission, behind)
    },
    commandIdOf: (submission) => commands.commandIdOf(submission),
    post: (list, extra) => commands.post(list, extra),
    close: () => commands.close(),
  }
}
