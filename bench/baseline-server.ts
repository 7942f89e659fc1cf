// The baseline of `ingest`: a bare Fastify route that reads the same body and answers the same bytes, in a process of its own.

import Fastify from 'fastify'

const server = Fastify()
server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
server.post('/v1/ingest/:channel/:key', (_request, reply) => reply.type('text/xml').send('<Response/>'))
await server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) })
console.log('ready')
