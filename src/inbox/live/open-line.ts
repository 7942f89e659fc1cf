// The line over the project's client: one socket that resumes by itself.
// Between the inbox's state and #client.

import { connect, type ConnectOptions } from '#client'
import type { Accepted } from '#schemas'
import type { Line, LineHandlers } from './ports.ts'
import type { Keeper } from './unsent.ts'

export interface LineOptions {
  readonly url: string
  /** A fresh short token of the session; an error named `Refused` ends the line. */
  readonly token: () => Promise<{ readonly token: string; readonly expiresAt?: number }>
  /** Where commands without an outcome outlive the page; null where the browser forbids it. */
  readonly keeper: Keeper | null
  /** One for each agent. */
  readonly storageKey: string
}

const storageOf = (keeper: Keeper): NonNullable<ConnectOptions['storage']> => ({
  get: (key) => keeper.getItem(key),
  set: (key, value) => keeper.setItem(key, value),
  remove: (key) => keeper.removeItem(key),
})

export const openLine = (options: LineOptions, { onFrame, onConnection, onLateRefusal }: LineHandlers): Line => {
  const { url, token, keeper, storageKey } = options
  const client = connect({
    url,
    token,
    onFrame,
    onStatus: onConnection,
    ...(keeper === null ? {} : { storage: storageOf(keeper), storageKey }),
    onOutcome: ({ type }, { problem }) => {
      if (problem !== undefined) onLateRefusal(type, problem)
    },
  })
  return {
    subscribe: (id, scope) => client.subscribe(id, scope),
    unsubscribe: (id) => client.unsubscribe(id),
    command: async (type, fields, id) => {
      const { ok, problem } = await client.command<Accepted>(type, fields, id)
      return problem === undefined ? { ok } : { problem }
    },
    typing: (conversationId, isTyping) => client.typing(conversationId, isTyping),
    reconnect: () => client.reconnect(),
    close: () => client.close(),
  }
}
