// Uploads and downloads of files: streamed in both directions, types sniffed, active ones never shown by a browser.
// Between browsers and providers, and the file store.

import multipart from '@fastify/multipart'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Attachment, IdParams } from '#schemas'
import { ConfabError } from '#errors'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'
import { Attempts } from '../attempts.ts'

/** What a browser may show in place; everything else is a download. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain)$/
const FIELDS_MAX = 4
const PRIVATE_SECONDS = 300
/** Uploads of one principal a minute; of one visitor, and of all visitors at one address. */
const UPLOADS_MAX = 60
const VISITOR_UPLOADS_MAX = 10
const ADDRESS_UPLOADS_MAX = 30
const MINUTE_MS = 60_000

const Link = Type.Object(
  { organization: Type.String(), expires: Type.Integer(), signature: Type.String({ maxLength: 64 }) },
  { additionalProperties: false },
)
const Name = Type.Object(
  { name: Type.Optional(Type.String({ maxLength: 255, description: 'The file’s name, where the body is the file itself.' })) },
  { additionalProperties: false },
)
const Uploaded = Type.Object({ ...Attachment.properties, id: Type.String({ format: 'uuid' }), url: Type.String() })

interface Upload {
  readonly bytes: Readable
  readonly name: string | null
  readonly contentType: string
}

const uploadOf = async (request: FastifyRequest): Promise<Upload> => {
  if (request.isMultipart()) {
    const part = await request.file()
    if (part === undefined) throw new ConfabError('request_invalid', { detail: 'file is required: one part with a file name.' })
    return { bytes: part.file, name: part.filename, contentType: part.mimetype }
  }
  const { name } = request.query as { name?: string }
  if (request.body === undefined || request.body === null)
    throw new ConfabError('request_invalid', { detail: 'The body is the file, or multipart/form-data with a part named file.' })
  return { bytes: request.body as Readable, name: name ?? null, contentType: request.headers['content-type'] ?? 'application/octet-stream' }
}

/** RFC 6266, with RFC 8187 for names beyond ASCII. */
const dispositionOf = (contentType: string, name: string | null): string => {
  const kind = SHOWN.test(contentType) ? 'inline' : 'attachment'
  if (name === null) return kind
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)}`
}

const installUploads = (app: FastifyTypebox, { options }: RouteTools): void => {
  const { config, files, links } = options
  const attempts = new Attempts(options.clock, MINUTE_MS)
  const store = async (request: FastifyRequest, reply: FastifyReply) => {
    const { grants } = whoOf(request)
    if (grants.kind === 'contact') attempts.take(`address/${request.ip}`, ADDRESS_UPLOADS_MAX)
    attempts.take(grants.id, grants.kind === 'contact' ? VISITOR_UPLOADS_MAX : UPLOADS_MAX)
    const upload = await uploadOf(request)
    const stored = await files.store({
      organizationId: grants.organizationId,
      ownerId: grants.id,
      ...upload,
      bytesMax: config.attachmentBytesMax,
    })
    const { kind, fileId, state, name, contentType, sizeBytes } = stored
    reply.code(201)
    return { id: fileId, fileId, kind, state, name, contentType, sizeBytes, url: links.pathOf(grants.organizationId, fileId) }
  }
  // Beyond the largest file only what multipart itself adds.
  const bodyLimit = config.attachmentBytesMax + 65_536
  const schema = {
    tags: ['attachments'],
    summary: 'Upload a file',
    consumes: ['multipart/form-data', 'application/octet-stream'],
    querystring: Name,
    response: { 201: Uploaded },
  }
  app.post('/v1/attachments', { bodyLimit, config: { isFor: 'both', permission: 'message.send' }, schema }, store)
  app.post(
    '/v1/chat/attachments',
    { bodyLimit, config: { isFor: 'visitors' }, schema: { ...schema, summary: 'Upload a file as a visitor' } },
    store,
  )
}

const installDownloads = (app: FastifyTypebox, { options }: RouteTools): void => {
  const schema = {
    tags: ['attachments'],
    summary: 'A file, by the signed link of a message',
    security: [],
    params: IdParams,
    querystring: Link,
  }
  app.get('/v1/attachments/:id', { config: { isPublic: true }, schema }, async (request, reply) => {
    const { organization: organizationId, expires, signature } = request.query
    const fileId = request.params.id
    if (!options.links.isValid({ organizationId, fileId, expires, signature })) throw new ConfabError('link_expired')
    const found = await options.files.open(organizationId, fileId)
    if (found === null) throw new ConfabError('not_found')
    const { contentType, name, sizeBytes } = found.file
    reply.headers({
      'content-type': contentType,
      'content-length': sizeBytes,
      'content-disposition': dispositionOf(contentType, name),
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': `private, max-age=${PRIVATE_SECONDS}`,
    })
    return reply.send(found.bytes)
  })
}

/** A scope of its own: bodies here are streams of any type. */
export const attachmentRoutes = async (app: FastifyTypebox, tools: RouteTools): Promise<void> => {
  await app.register(multipart, {
    throwFileSizeLimit: false,
    limits: { files: 1, fields: FIELDS_MAX, fileSize: tools.options.config.attachmentBytesMax + 1 },
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  installUploads(app, tools)
  installDownloads(app, tools)
}
