// Who asks: bearer tokens, session cookies, and the short JWTs of sockets and web chats, proved afresh against the settings each time.
// Between credentials from outside and Grants, which everything behind judges by.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { agentRoles, type AgentRole, type Grants } from '#schemas'
import type { Agent, Session, Token } from '#schemas/log'
import { ConfabError } from '#errors'
import { hashToken } from '#secrets'
import type { HttpOptions } from './options.ts'

export interface Authenticated {
  readonly grants: Grants
  /** Milliseconds since 1970 from which the credential no longer counts; null = until it is removed. */
  readonly expiresAt: number | null
  /** The setting behind it, whose removal ends sockets too; null for visitors. */
  readonly source: { readonly kind: 'session' | 'token'; readonly id: string } | null
  /** The page a visitor's token is bound to. */
  readonly origin: string | null
}

/** What a web chat's token binds. */
export interface Visitor {
  readonly organizationId: string
  readonly accountId: string
  readonly contactId: string
  readonly conversationId: string
  readonly visitorId: string
  readonly origin: string
  /** The page is this server's own, which needs no place on the account's list. */
  readonly isOwnPage: boolean
}

export interface Authentication {
  /** A bearer token's text or a JWT of ours. Throws `token_invalid`. */
  authenticate(text: string): Promise<Authenticated>
  /** A session cookie's secret. Throws `token_invalid`. */
  session(secret: string): Authenticated
  /** For the socket: 10 minutes, then `refresh`. */
  socketToken(who: Authenticated): Promise<{ token: string; expiresAt: number }>
  /** For a web chat: 15 minutes. */
  visitorToken(visitor: Visitor): Promise<{ token: string; expiresAt: number }>
  /** What a page must send back in X-Confab-Csrf; of the session, so that another site cannot know it. */
  csrfOf(sessionId: string): string
  checkCsrf(sessionId: string, given: string): boolean
}

const SOCKET_TOKEN_MS = 600_000
const VISITOR_TOKEN_MS = 900_000
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

type Options = Pick<HttpOptions, 'settings' | 'secrets' | 'clock'>

const refused = (): ConfabError => new ConfabError('token_invalid')

/** An agent's token never gives more than the agent has today. */
const weaker = (one: AgentRole, other: AgentRole): AgentRole => (agentRoles.indexOf(one) > agentRoles.indexOf(other) ? one : other)

class Authenticator implements Authentication {
  readonly #options: Options
  readonly #jwtKey: Buffer
  readonly #csrfKey: Buffer

  constructor(options: Options) {
    this.#options = options
    this.#jwtKey = options.secrets.key('jwt')
    this.#csrfKey = createHmac('sha256', this.#jwtKey).update('csrf').digest()
  }

  async authenticate(text: string): Promise<Authenticated> {
    if (JWT.test(text)) return this.#jwt(text)
    const token = this.#options.settings.tokenByHash(hashToken(text))
    if (token === undefined) throw refused()
    return this.#token(token)
  }

  session(secret: string): Authenticated {
    const session = this.#options.settings.sessionByHash(hashToken(secret))
    if (session === undefined || session.kind !== 'browser') throw refused()
    return this.#session(session)
  }

  #token(token: Token): Authenticated {
    if (token.expiresAt !== null && token.expiresAt <= this.#options.clock()) throw refused()
    const source = { kind: 'token', id: token.id } as const
    const accountIds = token.accountIds.length === 0 ? null : token.accountIds
    const rest = { expiresAt: token.expiresAt, source, origin: null }
    if (token.role === 'bot' || token.role === 'integration') {
      const kind = token.role === 'bot' ? 'bot' : 'token'
      return { grants: { organizationId: token.organizationId, kind, id: token.id, role: token.role, accountIds }, ...rest }
    }
    const agent = this.#agent(token.agentId, token.organizationId)
    const role = weaker(token.role, agent.role)
    return { grants: { organizationId: token.organizationId, kind: 'agent', id: agent.id, role, accountIds }, ...rest }
  }

  #session(session: Session): Authenticated {
    if (session.expiresAt <= this.#options.clock()) throw refused()
    const agent = this.#agent(session.agentId, session.organizationId)
    return {
      grants: { organizationId: session.organizationId, kind: 'agent', id: agent.id, role: agent.role, accountIds: null },
      expiresAt: session.expiresAt,
      source: { kind: 'session', id: session.id },
      origin: null,
    }
  }

  #agent(id: string | null, organizationId: string): Agent {
    const agent = id === null ? undefined : this.#options.settings.agent(id)
    if (agent === undefined || !agent.isActive || agent.organizationId !== organizationId) throw refused()
    return agent
  }

  async #jwt(text: string): Promise<Authenticated> {
    const currentDate = new Date(this.#options.clock())
    const { jwtVerify } = await import('jose')
    const { payload } = await jwtVerify(text, this.#jwtKey, { algorithms: ['HS256'], issuer: 'confab', currentDate }).catch(
      (cause: unknown) => {
        throw new ConfabError('token_invalid', { cause })
      },
    )
    const expiresAt = (payload.exp ?? 0) * 1000
    if (payload.aud === 'chat') return this.#visitor(payload, expiresAt)
    const [kind, id] = [payload['source'], payload.sub ?? '']
    const { settings } = this.#options
    const token = kind === 'token' ? settings.get('token', id) : undefined
    const session = kind === 'session' ? settings.get('session', id) : undefined
    if (token === undefined && session === undefined) throw refused()
    const who = token === undefined ? this.#session(session as Session) : this.#token(token)
    return { ...who, expiresAt: Math.min(expiresAt, who.expiresAt ?? expiresAt) }
  }

  #visitor(payload: JWTPayload, expiresAt: number): Authenticated {
    const visitor = payload['visitor'] as Visitor
    const account = this.#options.settings.account(visitor.accountId)
    if (account === undefined || !account.isActive) throw refused()
    // The list of origins may have changed since.
    if (account.origins.length > 0 && !visitor.isOwnPage && !account.origins.includes(visitor.origin)) throw refused()
    const { organizationId, accountId, contactId, conversationId, visitorId, origin } = visitor
    const grants: Grants = {
      organizationId,
      kind: 'contact',
      id: contactId,
      role: 'contact',
      accountIds: [accountId],
      conversationId,
      visitorId,
    }
    return { grants, expiresAt, source: null, origin }
  }

  async #sign(payload: JWTPayload, audience: string, lifetimeMs: number): Promise<{ token: string; expiresAt: number }> {
    const issuedAt = Math.floor(this.#options.clock() / 1000)
    const expiresAt = issuedAt + lifetimeMs / 1000
    const { SignJWT } = await import('jose')
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('confab')
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#jwtKey)
    return { token, expiresAt: expiresAt * 1000 }
  }

  socketToken(who: Authenticated): Promise<{ token: string; expiresAt: number }> {
    if (who.source === null) return Promise.reject(refused())
    return this.#sign({ sub: who.source.id, source: who.source.kind }, 'socket', SOCKET_TOKEN_MS)
  }

  visitorToken(visitor: Visitor): Promise<{ token: string; expiresAt: number }> {
    return this.#sign({ visitor }, 'chat', VISITOR_TOKEN_MS)
  }

  csrfOf(sessionId: string): string {
    return createHmac('sha256', this.#csrfKey).update(sessionId).digest('base64url')
  }

  checkCsrf(sessionId: string, given: string): boolean {
    const [expected, actual] = [Buffer.from(this.csrfOf(sessionId)), Buffer.from(given)]
    return expected.length === actual.length && timingSafeEqual(expected, actual)
  }
}

export const openAuthentication = (options: Options): Authentication => new Authenticator(options)
