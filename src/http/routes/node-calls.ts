// Where other nodes of the site ask for a part of the views. No path of the API: no token opens it, and no document names it.
// Between the network inside and the cluster's door, which checks every call itself.

import type { FastifyInstance } from 'fastify'
import type { NodeDoor } from '#cluster'

export const nodeCallRoutes = (app: FastifyInstance, door: NodeDoor): void => {
  // What is signed is bytes: they are read by nobody before they are checked.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: door.bytesMax }, (_request, body, done) => done(null, body))
  app.post(door.path, { config: { isPublic: true }, schema: { hide: true } }, async (request, reply) => {
    const { headers, body } = request
    const claim = {
      time: headers[door.timeHeader],
      signature: headers[door.signatureHeader],
      body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
    }
    return reply.header('cache-control', 'no-store').send(await door.answer(claim, request.ip))
  })
}
