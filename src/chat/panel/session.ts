// The visitor's session: a token bound to account, conversation and page, and the account's own look.
// Between what the server answered the page around and the chat.

import type { PageAnswer } from './bridge.ts'
import { words } from './words.ts'

export interface ChatSession {
  readonly token: string
  readonly expiresAt: number
  readonly conversationId: string
  readonly look: { readonly name: string; readonly greeting: string | null; readonly color: string | null; readonly side: 'left' | 'right' }
}

interface SessionAnswer {
  readonly token: string
  readonly expiresAt: string
  readonly conversationId: string
  readonly account: { readonly name: string; readonly options: Readonly<Record<string, string>> }
}

/** The server will not have this page or account: nothing to try again. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

const COLOR = /^#[0-9a-f]{6}$/i

/** Throws `Refused` where a repeat cannot help, other errors where it can. */
export const sessionOf = ({ status, value }: PageAnswer): ChatSession => {
  if (status >= 200 && status < 300) {
    const { token, expiresAt, conversationId, account } = value as SessionAnswer
    const { title, greeting, color = '', position } = account.options
    return {
      token,
      expiresAt: Date.parse(expiresAt),
      conversationId,
      // It becomes a style: nothing but a colour may pass.
      look: {
        name: title ?? account.name,
        greeting: greeting ?? null,
        color: COLOR.test(color) ? color : null,
        side: position === 'left' ? 'left' : 'right',
      },
    }
  }
  // What the server says is for whoever runs the page, and stands in its console.
  throw status >= 400 && status < 500 && status !== 429 ? new Refused(words.away) : new Error(words.connections.reconnecting)
}
