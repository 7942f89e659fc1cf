// What a URL alone gives away: scheme, credentials, names of this machine, ports of other protocols, literal addresses.
// The guard's first look, before any name is resolved; the second one judges every answer of the resolver.

import { isIP } from 'node:net'
import type { AddressRules } from './http-addresses.ts'

/** "Bad ports" of the Fetch standard (https://fetch.spec.whatwg.org/#port-blocking). */
const BAD_PORTS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117,
  119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
  989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
])

/** The host as a resolver or socket takes it: no brackets, no dot at the end. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

/** The rule that refuses the URL, or undefined. WHATWG's parser has turned decimal, octal, hex and full-width hosts into IPv4 by now. */
export const urlRefusal = (url: URL, rules: AddressRules): string | undefined => {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'only https'
  if (url.username !== '' || url.password !== '') return 'credentials in the URL'
  const host = hostOf(url)
  if (host === '') return 'no host'
  if (host === 'localhost' || host.endsWith('.localhost')) return 'localhost'
  if (url.port !== '' && BAD_PORTS.has(Number(url.port))) return `port ${url.port}`
  if (isIP(host) === 0) return undefined
  return addressRefusal(host, url.protocol, rules)
}

/** As above for one address that a name resolved to. */
export const addressRefusal = (address: string, protocol: string, rules: AddressRules): string | undefined =>
  rules.refusal(address) ?? (protocol === 'http:' && !rules.isAllowListed(address) ? 'http outside CONFAB_EGRESS_ALLOW' : undefined)
