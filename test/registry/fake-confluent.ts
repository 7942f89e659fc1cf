// A registry as Confluent's answers: subjects, versions, ids counted from 1, basic authentication, FULL checked by Avro's own rules.
// For tests of what Confab asks of a foreign one.

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import avro from 'avsc'

export interface FakeConfluent {
  readonly url: string
  /** subject → schemas, oldest first. */
  readonly subjects: Map<string, string[]>
  /** Requests as `METHOD path`. */
  readonly asked: string[]
  readonly schemaOf: (id: number) => string | undefined
  close(): Promise<void>
}

const bodyOf = async (request: IncomingMessage): Promise<{ schema: string }> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as { schema: string }
}

const spelled = (schema: string): string => JSON.stringify(avro.Type.forSchema(JSON.parse(schema)).schema({ exportAttrs: true }))

export const openFakeConfluent = async ({ user, password }: { user: string; password: string }): Promise<FakeConfluent> => {
  const subjects = new Map<string, string[]>()
  const asked: string[] = []
  const ids: string[] = []
  const idOf = (schema: string): number => {
    const known = ids.indexOf(schema)
    return known >= 0 ? known + 1 : ids.push(schema)
  }
  const answer = async (request: IncomingMessage): Promise<[number, unknown]> => {
    asked.push(`${request.method} ${request.url}`)
    const basic = Buffer.from(`${user}:${password}`).toString('base64')
    if (request.headers.authorization !== `Basic ${basic}`) return [401, { error_code: 401, message: 'Unauthorized' }]
    const [, , name = '', versions, version] = (request.url ?? '').split('/')
    const subject = decodeURIComponent(name)
    const kept = subjects.get(subject) ?? []
    if (request.method === 'GET' && kept.length === 0) return [404, { error_code: 40401, message: `Subject '${subject}' not found.` }]
    if (request.method === 'GET' && version === undefined) return [200, kept.map((_, index) => index + 1)]
    if (request.method === 'GET') return [200, { subject, version: Number(version), schema: kept[Number(version) - 1] }]
    const schema = spelled((await bodyOf(request)).schema)
    if (versions === undefined)
      return kept.includes(schema)
        ? [200, { subject, id: idOf(schema), schema }]
        : [404, { error_code: 40403, message: 'Schema not found' }]
    subjects.set(subject, [...kept, schema])
    return [200, { id: idOf(schema) }]
  }
  const server = createServer((request, reply) => {
    answer(request).then(
      ([status, body]) => {
        reply.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
      },
      () => reply.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subjects,
    asked,
    schemaOf: (id) => ids[id - 1],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
