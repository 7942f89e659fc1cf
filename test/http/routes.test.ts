// Every route at once: none without a check, each documented; health, metrics, documents and pages.

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { removeDirectory, temporaryDirectory } from '../harness.ts'
import { ids, openDoor, type Door } from './door.ts'

let door: Door
let web: string
const routes: { method: string; url: string }[] = []

before(async () => {
  web = await temporaryDirectory()
  await mkdir(join(web, 'inbox', 'assets'), { recursive: true })
  await mkdir(join(web, 'chat'), { recursive: true })
  await writeFile(join(web, 'inbox', 'index.html'), '<!doctype html><title>Inbox</title>')
  await writeFile(join(web, 'inbox', 'assets', 'index-0a1b2c3d.js'), 'export {}')
  await writeFile(join(web, 'chat', 'chat.js'), '"use strict"')
  await writeFile(join(web, 'chat', 'panel.html'), '<!doctype html>')
  door = await openDoor(() => ({ webDirectory: web }))
  // `printRoutes` is a drawing; the document and the known public paths are the list.
  const { body } = await door.ask('GET', '/openapi.json', { as: null })
  for (const [url, path] of Object.entries(body.paths as Record<string, object>))
    for (const method of Object.keys(path)) routes.push({ method: method.toUpperCase(), url })
})
after(async () => {
  await door.close()
  await removeDirectory(web)
})

/** Checked by a signature, a secret or a link of their own, or hold nothing. */
const open = ['/v1/ingest/{channel}/{key}', '/healthz', '/readyz', '/metrics', '/v1/chat/{accountId}/session', '/v1/attachments/{id}']

test('no documented route answers without credentials, but those that check otherwise', async () => {
  assert.ok(routes.length > 50, `${routes.length} routes`)
  const answered: string[] = []
  for (const { method, url } of routes) {
    if (open.includes(url) && !(url === '/v1/attachments/{id}' && method !== 'GET')) continue
    if (method === 'POST' && url === '/v1/sessions') continue
    const answer = await door.ask(method, url.replaceAll(/\{\w+\}/g, ids.owner), { as: null, ...(method === 'GET' ? {} : { body: {} }) })
    if (answer.status !== 401 || answer.body.code !== 'unauthenticated') answered.push(`${method} ${url}: ${answer.status}`)
  }
  assert.deepEqual(answered, [])
})

test('the open ones refuse what they check', async () => {
  assert.equal(
    (await door.ask('GET', `/v1/attachments/${ids.owner}?organization=${ids.organization}&expires=99999999999&signature=x`, { as: null }))
      .body.code,
    'link_expired',
  )
  assert.equal((await door.ask('POST', '/v1/ingest/twilio/x', { as: null })).body.code, 'unknown_ingest_key')
  assert.equal((await door.ask('POST', '/v1/sessions', { as: null, body: {} })).body.code, 'request_invalid')
})

test('every route of the instance is documented, a page, or a document', () => {
  const hidden =
    /^\/($|try|page\.css|favicon\.ico|docs|schemas\/|inbox|chat\.js|chat\/|openapi\.json|asyncapi\.json|v1\/chat\/\*|v1\/socket\.io)/
  const known = new Set(routes.map(({ method, url }) => `${method} ${url.replaceAll(/\{(\w+)\}/g, ':$1')}`))
  const missing = door.http.routes().filter(({ method, url }) => method !== 'HEAD' && !hidden.test(url) && !known.has(`${method} ${url}`))
  assert.deepEqual(missing, [])
})

test('the document is OpenAPI 3.1 with problems, both ways to prove who one is, and no schema that is lost', async () => {
  const { body } = await door.ask('GET', '/openapi.json', { as: null })
  assert.match(body.openapi, /^3\.1\./)
  assert.deepEqual(Object.keys(body.components.securitySchemes), ['bearer', 'session'])
  const send = body.paths['/v1/conversations/{id}/messages'].post
  assert.equal(send.requestBody.content['application/json'].schema.properties.text.type, 'string')
  assert.equal(send.responses['201'].content['application/json'].schema.properties.seq.type, 'integer')
  assert.equal(send.responses.default.content['application/problem+json'].schema.properties.code.type, 'string')
  assert.equal((await door.ask('GET', '/asyncapi.json', { as: null })).body.asyncapi, '3.0.0')
  const docs = await door.ask('GET', '/docs/', { as: null })
  assert.equal(docs.status, 200)
  assert.match(String(docs.headers['content-type']), /html/)
})

test('health, readiness and figures answer; figures need the token or this machine', async () => {
  assert.deepEqual((await door.ask('GET', '/healthz', { as: null })).body, { status: 'ok' })
  assert.deepEqual((await door.ask('GET', '/readyz', { as: null })).body, { status: 'ready', checks: { log: true }, reasons: [] })
  const figures = await door.ask('GET', '/metrics', { as: null })
  assert.match(figures.text, /confab_http_seconds_count\{method="GET",route="\/healthz",status="200"\} 1/)
  const starting = await openDoor(({ config }) => ({
    config: { ...config, metricsToken: 'figures' },
    readiness: () => ({ isReady: false, checks: { views: false }, reasons: ['The part views is not ready.'] }),
  }))
  try {
    const unready = await starting.ask('GET', '/readyz', { as: null })
    assert.equal(unready.status, 503)
    assert.deepEqual(unready.body.reasons, ['The part views is not ready.'])
    assert.equal((await starting.ask('GET', '/metrics', { as: null })).status, 403)
    assert.equal((await starting.ask('GET', '/metrics', { as: 'figures' })).status, 200)
  } finally {
    await starting.close()
  }
})

test('the first page knows whether anyone has signed in, /try carries the widget, and both run nothing of their own', async () => {
  const first = await door.ask('GET', '/', { as: null })
  assert.match(first.text, /Nobody has signed in yet/)
  assert.match(String(first.headers['content-security-policy']), /script-src 'self'/)
  assert.match((await door.ask('GET', '/try', { as: null })).text, /No web chat yet/)
  const { body } = await door.ask('POST', '/v1/accounts', { body: { channel: 'web', name: 'A <b>shop</b>' } })
  const page = await door.ask('GET', '/try', { as: null })
  assert.match(page.text, new RegExp(`<script src="/chat.js" data-account="${body.id}" async>`))
  assert.match(page.text, /https:\/\/confab\.test\/chat\.js/, 'the line to copy names this server')
  const icon = await door.ask('GET', '/favicon.ico', { as: null })
  assert.equal(icon.headers['content-type'], 'image/svg+xml')
  assert.doesNotMatch(page.text, /<b>shop|(?:src|href)="https?:\/\//)
})

test('the built apps are served: the inbox at any of its own addresses, assets for ever, the widget to every page', async () => {
  for (const url of ['/inbox/', '/inbox/conversations/abc']) assert.match((await door.ask('GET', url, { as: null })).text, /Inbox/)
  assert.equal((await door.ask('GET', '/inbox', { as: null })).headers['location'], '/inbox/')
  const asset = await door.ask('GET', '/inbox/assets/index-0a1b2c3d.js', { as: null })
  assert.match(String(asset.headers['cache-control']), /immutable/)
  assert.equal((await door.ask('GET', '/inbox/assets/gone.js', { as: null })).status, 404)
  assert.equal((await door.ask('GET', '/inbox/../../etc/passwd', { as: null })).status, 404)
  const widget = await door.ask('GET', '/chat.js', { as: null })
  assert.equal(widget.headers['cross-origin-resource-policy'], 'cross-origin')
  assert.match(String((await door.ask('GET', '/chat/panel.html', { as: null })).headers['content-security-policy']), /frame-ancestors \*/)
  assert.match(String((await door.ask('GET', '/inbox/', { as: null })).headers['content-security-policy']), /frame-ancestors 'none'/)
})
