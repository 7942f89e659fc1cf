// The Graph API's addresses, headers and hosts, and its error bodies; the host and version are the account's to choose.
// Between every request to Meta and the outgoing guard.

import { codeIn, inner, objectOf, textOf, type JsonObject } from '../json.ts'
import { hmac } from '../hmac.ts'
import type { Answer, AccountContext, Credentials, Headers, RequestDescription } from '../shape.ts'

export const GRAPH_URL = 'https://graph.facebook.com'
const VERSION = 'v25.0'

/** The token of requests: a page's, an Instagram account's, or a system user's. */
const tokenOf = (credentials: Credentials): string => credentials['accessToken'] ?? ''

export const authorization = (credentials: Credentials): Headers => ({ authorization: `Bearer ${tokenOf(credentials)}` })

type Query = Readonly<Record<string, string>>

/** `path` begins with a slash. `appsecret_proof` only where the app demands it: with a token of another app it is refused. */
const graphUrl = ({ apiUrl, account, credentials }: AccountContext, path: string, query: Query = {}): string => {
  const chosen = account.options['apiVersion'] ?? ''
  const version = /^v\d{1,3}\.\d{1,2}$/.test(chosen) ? chosen : VERSION
  const isProved = account.options['appSecretProof'] === 'on' && credentials['appSecret'] !== undefined
  const proof = isProved
    ? { appsecret_proof: hmac('sha256', credentials['appSecret'] ?? '', [Buffer.from(tokenOf(credentials))]).toString('hex') }
    : {}
  const search = new URLSearchParams({ ...query, ...proof }).toString()
  return `${apiUrl}/${version}${path}${search === '' ? '' : `?${search}`}`
}

export const graphGet = (context: AccountContext, path: string, query: Query = {}): RequestDescription => ({
  method: 'GET',
  url: graphUrl(context, path, query),
  headers: { ...authorization(context.credentials), accept: 'application/json' },
  body: null,
})

/** `body` as JSON; null = none. */
export const graphPost = (
  context: AccountContext,
  path: string,
  { query = {}, body = null, method = 'POST' }: { query?: Query; body?: object | null; method?: 'POST' | 'DELETE' },
): RequestDescription => ({
  method,
  url: graphUrl(context, path, query),
  headers: {
    ...authorization(context.credentials),
    accept: 'application/json',
    ...(body === null ? {} : { 'content-type': 'application/json' }),
  },
  body: body === null ? null : JSON.stringify(body),
})

const MEDIA_DOMAINS = ['fbcdn.net', 'fbsbx.com', 'cdninstagram.com', 'whatsapp.net']

/** Meta's CDNs. Not the Graph API itself: no body of a webhook makes us call it. */
export const isMetaMediaHost = (host: string): boolean => MEDIA_DOMAINS.some((domain) => host === domain || host.endsWith(`.${domain}`))

export interface GraphError {
  readonly code: number
  readonly subcode: number | null
  readonly message: string
}

/** The error of a well-formed error body; null where there is none. */
export const graphErrorOf = (body: string): GraphError | null => {
  const error: JsonObject | undefined = inner(objectOf(body), 'error')
  const code = codeIn(error, 'code')
  return code === null ? null : { code, subcode: codeIn(error, 'error_subcode'), message: textOf(error, 'message') ?? '' }
}

/** What an answer says is wrong, for an account's owner; null = nothing. Meta's own words name no person here. */
export const refusalWords = ({ status, body }: Answer): string | null => {
  if (status >= 200 && status < 300) return null
  if (status === 0) return 'Meta could not be reached.'
  const error = graphErrorOf(body)
  if (error?.code === 190 || error?.code === 102) return 'The access token is invalid or has expired: make a new one.'
  if (error?.code === 10 || error?.code === 3 || (error !== null && error.code >= 200 && error.code < 300))
    return 'The access token lacks a permission, or the permission was revoked.'
  return `Meta answered ${status}${error === null ? '' : ` (code ${error.code}${error.subcode === null ? '' : `/${error.subcode}`})`}.`
}
