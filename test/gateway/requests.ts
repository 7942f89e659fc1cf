// The requests that a gateway answers, routed as HTTP's own routes do it: by path, with the token proved.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Authenticated, Gateway } from '#gateway'
import { ConfabError } from '#errors'

const stream = (gateway: Gateway, tokens: ReadonlyMap<string, Authenticated>, request: IncomingMessage, response: ServerResponse): void => {
  const query = new URL(request.url ?? '', 'http://test').searchParams
  try {
    const who = tokens.get(request.headers.authorization?.split(' ')[1] ?? '')
    if (who === undefined) throw new ConfabError('token_invalid')
    gateway.stream({
      request,
      response,
      headers: { 'x-request-id': 'test' },
      who,
      scope: query.get('scope') ?? 'all',
      types: query.get('types')?.split(','),
      from: query.get('from') ?? undefined,
    })
  } catch (error) {
    if (!(error instanceof ConfabError)) throw error
    response.writeHead(error.status).end(error.code)
  }
}

export const answerWith =
  (gateway: Gateway, tokens: ReadonlyMap<string, Authenticated>): RequestListener =>
  (request, response) => {
    if (request.url?.startsWith('/v1/socket.io') === true) gateway.handleRequest(request, response)
    else if (request.url?.startsWith('/v1/stream') === true) stream(gateway, tokens, request, response)
    else response.end()
  }
