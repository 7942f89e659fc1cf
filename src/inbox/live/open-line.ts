// The line over the project's client: one socket that resumes by itself.
// Between the inbox's state and #client.

import { connect } from '#client'
import type { Accepted } from '#schemas'
import type { Line, LineHandlers } from './ports.ts'

export interface LineOptions {
  readonly url: string
  /** A fresh short token of the session; an error named `Refused` ends the line. */
  readonly token: () => Promise<{ readonly token: string; readonly expiresAt?: number }>
}

export const openLine = ({ url, token }: LineOptions, { onFrame, onConnection }: LineHandlers): Line => {
  const client = connect({ url, token, onFrame, onStatus: onConnection })
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
