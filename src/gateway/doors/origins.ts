// Which pages may open sockets: this server's own, and for visitors those of their web account. Programs send no Origin.
// Between the upgrade request and the door.

import type { IncomingMessage } from 'node:http'
import type { Settings } from '#runtime'
import type { Authenticated } from '../hub.ts'

export interface Origins {
  /** Before anything is known of who asks. */
  mayOpen(request: IncomingMessage): boolean
  /** Once the token is proved. */
  mayUse(request: IncomingMessage, who: Authenticated): boolean
}

export const originsOf = (settings: Pick<Settings, 'organizations' | 'list' | 'account'>, publicUrl: () => string): Origins => {
  const isOwn = ({ headers }: IncomingMessage): boolean => {
    if (headers.origin === undefined) return true
    const origin = URL.parse(headers.origin)
    return origin !== null && (origin.host === headers.host || origin.origin === URL.parse(publicUrl())?.origin)
  }
  const isListed = (origins: readonly string[], origin: string | undefined): boolean =>
    origin !== undefined && (origins.length === 0 || origins.includes(origin))
  const isSomeSite = (origin: string | undefined): boolean =>
    settings
      .organizations()
      .some(({ id }) =>
        settings.list('account', id).some(({ channel, isActive, origins }) => channel === 'web' && isActive && isListed(origins, origin)),
      )
  return {
    mayOpen: (request) => isOwn(request) || isSomeSite(request.headers.origin),
    mayUse: (request, { grants }) => {
      if (isOwn(request)) return true
      // The widget runs on other people's pages; an agent's token never works from one.
      const account = grants.kind === 'contact' ? settings.account(grants.accountIds?.[0] ?? '') : undefined
      return account !== undefined && isListed(account.origins, request.headers.origin)
    },
  }
}
