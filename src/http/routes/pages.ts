// The web apps and the server's own pages: the inbox, the chat widget, the first page and the one to try the widget on.
// Between browsers and the built files; each kind of page with the policy it needs and no more.

import fastifyStatic from '@fastify/static'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyReply } from 'fastify'
import { ConfabError } from '#errors'
import type { FastifyTypebox } from '../app.ts'
import type { HttpOptions } from '../options.ts'
import { firstPage, icon, styleSheet, tryPage } from '../page.ts'

const OWN_PAGE =
  "default-src 'none'; style-src 'self'; script-src 'self'; frame-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const HASHED = /-[\w-]{8}\.\w+$/
const YEAR_SECONDS = 31_536_000

/** Our own images and sounds, and sockets to this very host. */
const inboxPolicy = (publicUrl: string): string => {
  const { host } = new URL(publicUrl)
  return `default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' ${publicUrl} data: blob:; media-src 'self' ${publicUrl} blob:; connect-src 'self' ws://${host} wss://${host}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`
}

/** The panel stands in an iframe on strangers' pages; the session it asks for is what their origin is judged by. */
const chatPolicy = (publicUrl: string): string => inboxPolicy(publicUrl).replace("frame-ancestors 'none'", 'frame-ancestors *')

const cacheOf = (path: string): string => (HASHED.test(path) ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache')

const html = (reply: FastifyReply, text: string): FastifyReply =>
  reply.headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': OWN_PAGE, 'cache-control': 'no-cache' }).send(text)

const drawn = (app: FastifyTypebox, { settings, publicUrl }: Pick<HttpOptions, 'settings' | 'publicUrl'>): void => {
  const route = { config: { isPublic: true }, schema: { hide: true } }
  app.get('/', route, (_request, reply) => {
    const hasSignedIn = settings.organizations().some(({ id }) => settings.list('session', id).some(({ kind }) => kind === 'browser'))
    return html(reply, firstPage({ hasSignedIn }))
  })
  app.get('/try', route, (_request, reply) => {
    const accounts = settings.organizations().flatMap(({ id }) => settings.list('account', id))
    return html(reply, tryPage(accounts.find(({ channel, isActive }) => channel === 'web' && isActive) ?? null, publicUrl()))
  })
  app.get('/page.css', route, (_request, reply) =>
    reply.headers({ 'content-type': 'text/css; charset=utf-8', 'cache-control': 'no-cache' }).send(styleSheet),
  )
  // Browsers ask for this very path, on every page of the server; all of today's draw an SVG from it.
  app.get('/favicon.ico', route, (_request, reply) =>
    reply.headers({ 'content-type': 'image/svg+xml', 'cache-control': 'public, max-age=86400' }).send(icon),
  )
}

/** One built app below its own path; what is no file of it is its page again, so that its own addresses can be reloaded. */
const built = async (
  app: FastifyTypebox,
  options: { name: 'inbox' | 'chat'; root: string; policy: () => string; fallback: string | null },
): Promise<void> => {
  const { name, root, policy, fallback } = options
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, isPublic: true }
      route.schema = { ...route.schema, hide: true }
    })
    const setHeaders = (reply: { header(name: string, value: string): unknown }, path: string): void =>
      void reply.header('cache-control', cacheOf(path))
    await scope.register(fastifyStatic, {
      root,
      prefix: `/${name}/`,
      cacheControl: false,
      wildcard: false,
      setHeaders,
      decorateReply: true,
    })
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('content-security-policy', policy())
      if (name === 'chat') reply.headers({ 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' })
    })
    if (fallback !== null) {
      scope.get(`/${name}`, (_request, reply) => reply.redirect(`/${name}/`))
      scope.get(`/${name}/*`, (request, reply) => {
        if (/\.\w+$/.test(request.url.split('?', 1)[0] ?? '')) throw new ConfabError('path_unknown')
        return reply.sendFile(fallback)
      })
    }
    if (name === 'chat') scope.get('/chat.js', (_request, reply) => reply.sendFile('chat.js'))
  })
}

export const pageRoutes = async (app: FastifyTypebox, { settings, webDirectory, publicUrl, logger }: HttpOptions): Promise<void> => {
  drawn(app, { settings, publicUrl })
  const apps = [
    { name: 'inbox', root: join(webDirectory, 'inbox'), policy: () => inboxPolicy(publicUrl()), fallback: 'index.html' },
    { name: 'chat', root: join(webDirectory, 'chat'), policy: () => chatPolicy(publicUrl()), fallback: null },
  ] as const
  for (const each of apps) {
    if (existsSync(each.root)) await built(app, each)
    else logger.warn({ name: 'web.not_built', app: each.name })
  }
}
