// Signing in and out: the session's cookie is the browser's own, what scripts hold is the proof against forged requests and short tokens.
// Between the sign-in page and `/v1/sessions`.

import type { Problem } from '#schemas'
import type { Answered } from '../state/inbox.ts'
import type { Me } from '../state/model.ts'
import { openApi } from './api.ts'
import type { Api } from './ports.ts'

/** What signing in and renewing answer. */
interface SessionAnswer {
  readonly csrf: string
}

interface MeAnswer {
  readonly principal: { readonly kind: string; readonly id: string; readonly role: string }
  readonly name: string
  readonly email?: string
  readonly permissions: readonly string[]
  readonly organization: { readonly name: string }
  readonly csrf?: string
}

interface TokenAnswer {
  readonly token: string
  readonly expiresAt: string
}

export interface Session {
  readonly api: Api
  /** Who is signed in, or why nobody is. */
  me(): Promise<Answered<Me>>
  signIn(credentials: { readonly email: string; readonly password: string } | { readonly code: string }): Promise<Problem | null>
  signOut(): Promise<void>
  /** For the socket. Throws an error named `Refused` once the session has ended. */
  socketToken(): Promise<{ readonly token: string; readonly expiresAt: number }>
}

const refused = (): Error => Object.assign(new Error('the session has ended'), { name: 'Refused' })

export const openSession = (): Session => {
  let csrf = ''
  const api = openApi(() => csrf)
  return {
    api,
    async me() {
      const answer = await api.request<MeAnswer>('GET', '/v1/me')
      if (answer.problem !== undefined) return answer
      const { principal, name, email = '', permissions, organization, csrf: given } = answer.ok
      csrf = given ?? csrf
      return { ok: { id: principal.id, role: principal.role, name, email, permissions, organizationName: organization.name } }
    },
    async signIn(credentials) {
      const answer = await api.request<SessionAnswer>('POST', '/v1/sessions', credentials)
      if (answer.problem !== undefined) return answer.problem
      csrf = answer.ok.csrf
      return null
    },
    async signOut() {
      await api.request('DELETE', '/v1/sessions')
    },
    async socketToken() {
      const answer = await api.request<TokenAnswer>('POST', '/v1/sessions/token')
      if (answer.problem === undefined) {
        return { token: answer.ok.token, expiresAt: Date.parse(answer.ok.expiresAt) }
      }
      if (answer.problem.status === 401 || answer.problem.status === 403) throw refused()
      throw new Error(answer.problem.title)
    },
  }
}
