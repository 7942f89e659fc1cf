// Ends sessions: by their settings, which every node tails, so that cookies and sockets end everywhere within a second.
// Between sign-out, a changed password, and the settings actor.

import type { Agent, Session } from '#schemas/log'
import { hasCode } from '#errors'
import type { HttpOptions } from './options.ts'

type Options = Pick<HttpOptions, 'settings' | 'settingWishes'>

/** One session, or a sign-in link that was not used. */
export const endSession = async (
  { settingWishes }: Pick<Options, 'settingWishes'>,
  { id, agentId, organizationId }: Session,
): Promise<void> => {
  const write = { kind: 'session', action: 'remove', id, expectedRev: null } as const
  await settingWishes.put({ kind: 'agent', id: agentId }, organizationId, write, {}).catch((error: unknown) => {
    // Another request has removed it: what was wanted.
    if (!hasCode(error, 'setting_not_found')) throw error
  })
}

/** All sessions and open sign-in links of the agent but the one with the id `except`. */
export const endSessionsOf = async (options: Options, { id, organizationId }: Agent, except: string | null): Promise<void> => {
  const mine = options.settings.list('session', organizationId).filter((session) => session.agentId === id && session.id !== except)
  await Promise.all(mine.map((session) => endSession(options, session)))
}
