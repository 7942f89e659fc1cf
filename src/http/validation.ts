// Bodies, queries and paths against their TypeBox schemas, once, where they enter; the answer names the field.
// Between Fastify's hooks for it and the checker of schemas/, which sockets use too.

import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Convert } from 'typebox/value'
import { ConfabError } from '#errors'
import { checkOf, describeFaults } from '#schemas/check'

const places: Readonly<Record<string, string>> = { body: '', querystring: 'the query: ', params: 'the path: ', headers: 'the headers: ' }

const compile: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = checkOf(schema)
  const isText = httpPart !== 'body'
  return (given: unknown) => {
    const value = isText ? Convert(schema, given) : given
    const faults = check(value)
    if (faults === null) return { value }
    const where = places[httpPart ?? ''] ?? ''
    return { error: new ConfabError('request_invalid', { detail: `${where}${describeFaults(faults)}`, fields: { errors: faults } }) }
  }
}

/** Where the text stops being JSON, without quoting it. */
const faultOf = (text: string): string => {
  try {
    JSON.parse(text)
    return 'It names __proto__ or constructor.'
  } catch (error) {
    const place = /position \d+/.exec(error instanceof Error ? error.message : '')?.[0]
    return place === undefined ? 'It is no JSON, or ends too early.' : `It is no JSON from ${place} on.`
  }
}

export const installValidation = (app: FastifyInstance): void => {
  app.setValidatorCompiler(compile)
  // Answers are ours and typed; schemas of responses document them, a serializer made of them would cost and drop fields.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, {})
    return parseJson(request, text as string, (error, value: unknown) => {
      if (error === null) done(null, value)
      else done(new ConfabError('body_malformed', { detail: faultOf(text as string) }))
    })
  })
  app.removeContentTypeParser('text/plain')
  // A command without fields needs no body.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined && request.routeOptions.schema?.body !== undefined) request.body = {}
    done()
  })
}
