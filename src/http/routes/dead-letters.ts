// Dead letters over HTTP: what could not be processed, sent again or discarded by owners and admins.
// Between operators' tools and the runtime's letter box.

import { Type } from 'typebox'
import { DeadLetterDetail, DeadLetterPage, KeyParams, ReplayBody, Replayed } from '#schemas'
import type { LetterKey } from '#runtime'
import { ConfabError } from '#errors'
import type { FastifyRequest } from 'fastify'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const tags = ['dead-letters']
const config = { permission: 'dead-letter.write' } as const

/** Who sees some accounts only has no say in what belongs to none of them. */
const operatorOf = (request: FastifyRequest) => {
  const { grants } = whoOf(request)
  if (grants.accountIds !== null) throw new ConfabError('forbidden')
  return { organizationId: grants.organizationId, by: { kind: grants.kind, id: grants.id } }
}

const time = (at: number): string => new Date(at).toISOString()

const viewOf = ({ key, actor, isParked, letters }: LetterKey) => ({
  key,
  actor,
  isParked,
  count: letters.length,
  since: time(letters[0]?.at ?? 0),
  letters: letters.map(({ topic, partition, offset, code, error, at, isPoison, type }) => ({
    topic,
    partition,
    offset,
    code,
    error,
    at: time(at),
    isPoison,
    type,
  })),
})

export const deadLetterRoutes = (app: FastifyTypebox, { options }: RouteTools): void => {
  const { deadLetters } = options
  app.get(
    '/v1/dead-letters',
    { config, schema: { tags, summary: 'What could not be processed, by key', response: { 200: DeadLetterPage } } },
    async (request) => {
      const { items, total } = await deadLetters.list(operatorOf(request).organizationId)
      return { items: items.map(viewOf), next: null, total }
    },
  )
  app.get(
    '/v1/dead-letters/:key',
    { config, schema: { tags, summary: 'One key, with what its letters hold', params: KeyParams, response: { 200: DeadLetterDetail } } },
    async (request) => {
      const shown = await deadLetters.show(operatorOf(request).organizationId, request.params.key)
      return { ...viewOf(shown), contents: [...shown.contents] }
    },
  )
  app.post(
    '/v1/dead-letters/:key/replay',
    {
      config,
      schema: {
        tags,
        summary: 'Send the parked commands again, in order',
        params: KeyParams,
        body: ReplayBody,
        response: { 200: Replayed },
      },
    },
    (request) => {
      const { skipPoison = false } = request.body
      options.logger.info({ name: 'dead-letters.replay', key: request.params.key, skipPoison })
      return deadLetters.replay(operatorOf(request), request.params.key, { skipPoison })
    },
  )
  app.post(
    '/v1/dead-letters/:key/discard',
    {
      config,
      schema: { tags, summary: 'Forget them and end the parking', params: KeyParams, body: Type.Object({}), response: { 200: Replayed } },
    },
    (request) => {
      options.logger.info({ name: 'dead-letters.discard', key: request.params.key })
      return deadLetters.discard(operatorOf(request), request.params.key)
    },
  )
}
