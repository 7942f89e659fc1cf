// Signing in and out: a password or a one-time link becomes an httpOnly cookie; the cookie becomes the socket's short token.
// Between people and the session settings; only hashes of secrets go into the log.

import { Type } from 'typebox'
import { Me, permissionsOf, ShortToken, SignedIn, SignInBody } from '#schemas'
import { derivePlain, type Agent, type Session } from '#schemas/log'
import { ConfabError } from '#errors'
import { hashPassword, hashToken, verifyPassword } from '#secrets'
import { endSession } from '../session-ends.ts'
import { isOwnOrigin, SESSION_COOKIE, whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'
import { Attempts, partyOf } from '../attempts.ts'
import type { HttpOptions } from '../options.ts'

const SESSION_MS = 30 * 86_400_000
const WINDOW_MS = 900_000
/** Attempts a window: for one e-mail, from one address. */
const EMAIL_MAX = 10
const ADDRESS_MAX = 50
/** An e-mail can stand in several organizations; passwords compared at most. */
const AGENTS_MAX = 3
/** Browsers of one agent signed in at once; the oldest go first, so many of them a sign-in. */
const SESSIONS_MAX = 20
const REMOVALS_MAX = 5

const refused = (): ConfabError => new ConfabError('sign_in_refused')

class SignIn {
  readonly #options: HttpOptions
  readonly #attempts: Attempts
  /** Compared where no agent has the e-mail: who asks learns nothing from the time it takes. */
  readonly #decoy: Promise<string>

  constructor(options: HttpOptions) {
    this.#options = options
    this.#attempts = new Attempts(options.clock, WINDOW_MS)
    this.#decoy = hashPassword(options.random(16).toString('hex'))
  }

  async byPassword(email: string, password: string, address: string): Promise<Agent> {
    const mine = `email/${email.trim().toLowerCase()}`
    // The address first: whoever guesses from one place uses up that place, and little of anybody's e-mail.
    const theirs = `address/${partyOf(address)}`
    this.#attempts.take(theirs, ADDRESS_MAX)
    this.#attempts.take(mine, EMAIL_MAX)
    const agents = this.#options.settings.agentByEmail(email).filter(({ isActive, passwordHash }) => isActive && passwordHash !== null)
    if (agents.length === 0) await verifyPassword(password, await this.#decoy)
    for (const agent of agents.slice(0, AGENTS_MAX)) {
      if (!(await verifyPassword(password, agent.passwordHash ?? ''))) continue
      this.#attempts.forget(mine)
      this.#attempts.giveBack(theirs)
      return agent
    }
    throw refused()
  }

  /** Of two who use one link at once, the removal of its setting lets one through. */
  async byCode(code: string, address: string): Promise<Agent> {
    this.#attempts.take(`address/${partyOf(address)}`, ADDRESS_MAX)
    const { settings, settingWishes, clock } = this.#options
    const link = settings.sessionByHash(hashToken(code))
    const agent = link === undefined ? undefined : settings.agent(link.agentId)
    if (link === undefined || link.kind !== 'link' || link.expiresAt <= clock() || agent === undefined || !agent.isActive) throw refused()
    const write = { kind: 'session', action: 'remove', id: link.id, expectedRev: link.rev } as const
    try {
      await settingWishes.put({ kind: 'agent', id: agent.id }, agent.organizationId, write, {})
    } catch (cause) {
      if (cause instanceof ConfabError && (cause.code === 'setting_not_found' || cause.code === 'rev_mismatch')) throw refused()
      throw cause
    }
    return agent
  }

  async begin(agent: Agent): Promise<{ secret: string; id: string; expiresAt: number }> {
    const { settingWishes, random, clock } = this.#options
    const secret = random(32).toString('base64url')
    const hash = hashToken(secret)
    const id = derivePlain('setting', ['session', hash])
    const expiresAt = clock() + SESSION_MS
    const write = { kind: 'session', action: 'create', id, expectedRev: null } as const
    await settingWishes.put({ kind: 'agent', id: agent.id }, agent.organizationId, write, {
      kind: 'browser',
      agentId: agent.id,
      hash,
      expiresAt,
    })
    await this.#tidy(agent)
    return { secret, id, expiresAt }
  }

  async #tidy(agent: Agent): Promise<void> {
    const { settings, clock } = this.#options
    const mine = settings.list('session', agent.organizationId).filter(({ agentId, kind }) => agentId === agent.id && kind === 'browser')
    const surplus = mine.filter(({ expiresAt }, index) => expiresAt <= clock() || index < mine.length - SESSIONS_MAX)
    for (const session of surplus.slice(0, REMOVALS_MAX)) await this.end(session)
  }

  end(session: Session): Promise<void> {
    return endSession(this.#options, session)
  }
}

const cookieOf = (options: HttpOptions) =>
  ({ path: '/', httpOnly: true, sameSite: 'strict', secure: options.publicUrl().startsWith('https:') }) as const

const installSignIn = (app: FastifyTypebox, { options, authentication }: RouteTools, signIn: SignIn): void => {
  const tags = ['sign-in']
  app.post(
    '/v1/sessions',
    { config: { isPublic: true }, schema: { tags, summary: 'Sign in', security: [], body: SignInBody, response: { 201: SignedIn } } },
    async (request, reply) => {
      if (!isOwnOrigin(request, options.publicUrl())) throw new ConfabError('csrf_refused')
      const { email, password, code } = request.body
      if (code === undefined && (email === undefined || password === undefined)) {
        throw new ConfabError('request_invalid', { detail: 'email and password, or code, are required.' })
      }
      try {
        const agent =
          code === undefined ? await signIn.byPassword(email ?? '', password ?? '', request.ip) : await signIn.byCode(code, request.ip)
        const { secret, id, expiresAt } = await signIn.begin(agent)
        options.metrics.signIns.labels('accepted').inc()
        options.logger.info({ name: 'session.begun', agentId: agent.id, sessionId: id })
        reply.code(201).setCookie(SESSION_COOKIE, secret, { ...cookieOf(options), maxAge: SESSION_MS / 1000 })
        const { organizationId, role } = agent
        return { agentId: agent.id, organizationId, role, expiresAt: new Date(expiresAt).toISOString(), csrf: authentication.csrfOf(id) }
      } catch (error) {
        options.metrics.signIns.labels(error instanceof ConfabError ? error.code : 'internal').inc()
        throw error
      }
    },
  )
  app.delete('/v1/sessions', { schema: { tags, summary: 'Sign out', response: { 204: Type.Null() } } }, async (request, reply) => {
    const { source } = whoOf(request)
    const session = source?.kind === 'session' ? options.settings.get('session', source.id) : undefined
    if (session !== undefined) await signIn.end(session)
    return reply.code(204).clearCookie(SESSION_COOKIE, cookieOf(options)).send(null)
  })
  app.post(
    '/v1/sessions/token',
    { schema: { tags, summary: 'A short token for the socket', response: { 200: ShortToken } } },
    async (request) => {
      const { token, expiresAt } = await authentication.socketToken(whoOf(request))
      return { token, expiresAt: new Date(expiresAt).toISOString() }
    },
  )
}

const installMe = (app: FastifyTypebox, { options, authentication }: RouteTools): void => {
  app.get('/v1/me', { schema: { tags: ['sign-in'], summary: 'Who I am and what I may', response: { 200: Me } } }, (request) => {
    const { grants, source } = whoOf(request)
    const { settings } = options
    const agent = grants.kind === 'agent' ? settings.agent(grants.id) : undefined
    const token = source?.kind === 'token' ? settings.get('token', source.id) : undefined
    return {
      principal: { kind: grants.kind, id: grants.id, role: grants.role, organizationId: grants.organizationId },
      name: agent?.name ?? token?.name ?? '',
      ...(agent === undefined ? {} : { email: agent.email, isAvailable: agent.isAvailable }),
      organization: { id: grants.organizationId, name: settings.organization(grants.organizationId)?.name ?? '' },
      permissions: permissionsOf(grants.role),
      accountIds: grants.accountIds === null ? null : [...grants.accountIds],
      ...(source?.kind === 'session' ? { csrf: authentication.csrfOf(source.id) } : {}),
    }
  })
}

export const sessionRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  installSignIn(app, tools, new SignIn(tools.options))
  installMe(app, tools)
}
