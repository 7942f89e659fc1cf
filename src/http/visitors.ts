// Visitors of web chats: their secret, which is their identity, and the pages that a chat may stand on.
// Between a browser that keeps a secret and the ids derived from the visitor id in it.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Account } from '#schemas/log'
import { isOwnOrigin } from './access.ts'
import type { HttpOptions } from './options.ts'

const VISITOR_BYTES = 16
const SECRET = /^([0-9a-f]{32})\.([\w-]{43})$/

type Keys = Pick<HttpOptions, 'secrets' | 'random'>

const proofOf = ({ secrets }: Keys, accountId: string, visitorId: string): string =>
  createHmac('sha256', secrets.key('visitor')).update(`${accountId}/${visitorId}`).digest('base64url')

/** The visitor of a secret that this server made for the account; a new one for any other text. */
export const visitorOf = (keys: Keys, accountId: string, secret: string | undefined): { visitorId: string; resumeSecret: string } => {
  const [, visitorId, proof] = SECRET.exec(secret ?? '') ?? []
  if (
    visitorId !== undefined &&
    proof !== undefined &&
    timingSafeEqual(Buffer.from(proof), Buffer.from(proofOf(keys, accountId, visitorId)))
  ) {
    return { visitorId, resumeSecret: `${visitorId}.${proof}` }
  }
  const drawn = keys.random(VISITOR_BYTES).toString('hex')
  return { visitorId: drawn, resumeSecret: `${drawn}.${proofOf(keys, accountId, drawn)}` }
}

const isChat = (account: Account): boolean => account.channel === 'web' && account.isActive

/** The page that a chat stands on: what our own panel heard of the window around it, else what the browser says. */
export const pageOf = (request: FastifyRequest, claimed: string | undefined, publicUrl: string): string => {
  const { origin } = request.headers
  return claimed !== undefined && isOwnOrigin(request, publicUrl) ? claimed : (origin ?? '')
}

/** A page of this server, such as /try, needs no place on a list. */
export const isOwnPage = (request: FastifyRequest, page: string, publicUrl: string): boolean => {
  const origin = URL.parse(page)
  return origin !== null && (origin.host === request.headers.host || origin.origin === URL.parse(publicUrl)?.origin)
}

/** An empty list admits every page. */
export const admits = ({ origins }: Account, page: string): boolean => origins.length === 0 || origins.includes(page)

/** CORS for `/v1/chat/...`: before anything can refuse, so that a page can read why. Cookies never count here. */
export const installCors = (app: FastifyInstance, { settings, publicUrl }: Pick<HttpOptions, 'settings' | 'publicUrl'>): void => {
  const isListed = (request: FastifyRequest, page: string): boolean =>
    isOwnPage(request, page, publicUrl()) ||
    settings.organizations().some(({ id }) => settings.list('account', id).some((account) => isChat(account) && admits(account, page)))
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    if (origin !== undefined && request.url.startsWith('/v1/chat/') && isListed(request, origin)) {
      reply.headers({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'retry-after, confab-position',
        vary: 'origin',
      })
    }
    done()
  })
  app.options('/v1/chat/*', { config: { isPublic: true }, schema: { hide: true } }, (_request, reply) =>
    reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization, content-type, idempotency-key',
        'access-control-max-age': '600',
      })
      .send(),
  )
}
