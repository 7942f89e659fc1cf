// X-Twilio-Signature: base64(HMAC-SHA1(auth token, URL + sorted names and values)), judged exactly as Twilio's own validator does.
// Stands between ingest and every byte that claims to come from Twilio.

import { createHash } from 'node:crypto'
import { hmac, isSameText } from '../hmac.ts'
import type { SignedRequest } from '../shape.ts'
import { parseForm, type Form } from './form.ts'

interface Parts {
  readonly scheme: string
  readonly userInfo: string
  readonly host: string
  readonly port: string
  readonly rest: string
}

/** Splits without normalising: `new URL` would percent-encode characters that Twilio signed as they were. */
const split = (url: string): Parts | undefined => {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url)
  if (match === null) return undefined
  const [prefix, scheme = '', authority = ''] = match
  const userInfoEnd = authority.lastIndexOf('@')
  const hostAndPort = authority.slice(userInfoEnd + 1)
  // A colon starts the port only behind the bracket that ends an IPv6 literal.
  const portStart = hostAndPort.indexOf(':', hostAndPort.lastIndexOf(']') + 1)
  return {
    scheme,
    userInfo: authority.slice(0, userInfoEnd + 1),
    host: portStart === -1 ? hostAndPort : hostAndPort.slice(0, portStart),
    port: portStart === -1 ? '' : hostAndPort.slice(portStart),
    rest: url.slice(prefix.length),
  }
}

const withoutPort = (url: string): string => {
  const parts = split(url)
  return parts === undefined ? url : parts.scheme + parts.userInfo + parts.host + parts.rest
}

const withPort = (url: string): string => {
  const parts = split(url)
  if (parts === undefined || parts.port !== '') return url
  return parts.scheme + parts.userInfo + parts.host + (parts.scheme.toLowerCase() === 'https://' ? ':443' : ':80') + parts.rest
}

/** Percent-encodes as Node's old `querystring` did: space %20, and ! ' ( ) * as they are. */
const legacyEncode = (text: string): string => encodeURIComponent(text.toWellFormed())

const legacyDecode = (text: string): string => {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    // querystring decodes what it can and lets the rest stand.
    return spaced.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
  }
}

/** The query parsed and written again by the rules of Node's `querystring`: repeated names come together, where the first stood. */
const withLegacyQuery = (url: string): string => {
  const start = url.indexOf('?')
  if (start === -1 || start === url.length - 1) return url
  const values = new Map<string, string[]>()
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = legacyDecode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : legacyDecode(pair.slice(equals + 1))
    const known = values.get(name)
    if (known === undefined) values.set(name, [value])
    else known.push(value)
  }
  const pairs = [...values].flatMap(([name, list]) => list.map((value) => `${legacyEncode(name)}=${legacyEncode(value)}`))
  return `${url.slice(0, start)}?${pairs.join('&')}`
}

/** The URLs that Twilio may have signed for this one; as received first, which is the usual case. */
function* candidates(url: string): Generator<string> {
  yield url
  yield withoutPort(url)
  yield withPort(url)
  if (!URL.canParse(url)) return
  const normal = new URL(url).toString()
  yield withoutPort(normal)
  yield withPort(normal)
  yield withLegacyQuery(withoutPort(normal))
  yield withLegacyQuery(withPort(normal))
}

/** Names in code-unit order; a repeated name's distinct values sorted; nothing between. */
const signedParameters = (form: Form): string => {
  let text = ''
  for (const name of [...form.keys()].toSorted()) {
    const values = form.get(name) ?? []
    if (values.length === 1) text += name + (values[0] ?? '')
    else for (const value of [...new Set(values)].toSorted()) text += name + value
  }
  return text
}

/** The body that the URL vouches for by its hash: JSON. undefined = a form. */
const bodyHashOf = (url: string): string | undefined => {
  if (!url.includes('bodySHA256')) return undefined
  const query = url.indexOf('?')
  return new URLSearchParams(query === -1 ? '' : url.slice(query)).get('bodySHA256') ?? ''
}

/** Twilio's validator (twilio-node src/webhooks/webhooks.ts); the fragment, which holds retry options, is neither sent nor signed. */
export const verify = ({ url: given, headers, body, secrets }: SignedRequest): boolean => {
  const signature = headers['x-twilio-signature'] ?? ''
  if (signature === '') return false
  const hash = given.indexOf('#')
  const url = hash === -1 ? given : given.slice(0, hash)
  const bodyHash = bodyHashOf(url)
  if (bodyHash !== undefined) {
    const actual = createHash('sha256').update(body).digest('hex')
    if (!isSameText(bodyHash, actual)) return false
  } else if ((headers['content-type'] ?? '').includes('json')) return false
  const parameters = bodyHash === undefined ? signedParameters(parseForm(body)) : ''
  for (const candidate of candidates(url)) {
    for (const secret of secrets) {
      const expected = hmac('sha1', secret, [Buffer.from(candidate + parameters)]).toString('base64')
      if (isSameText(signature, expected)) return true
    }
  }
  return false
}
