// Which addresses outgoing requests may reach: one table of blocked ranges, and how disguised IPv4 is unwrapped before it is judged.
// Between parsed hosts or resolver answers and the guard; fails closed on everything it cannot read.

import { isIPv4 } from 'node:net'
import { ConfabError } from '#errors'

/** 4 or 16 bytes. */
type Address = Uint8Array

interface Range {
  readonly text: string
  readonly bytes: Address
  readonly bits: number
}

const ipv4 = (text: string): Address => Uint8Array.from(text.split('.'), Number)

/** Sixteen bytes of an IPv6 address in any spelling; undefined = none, zone ids included. */
const ipv6 = (text: string): Address | undefined => {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted !== null) {
    const [, head = '', tail = ''] = dotted
    if (!isIPv4(tail)) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = ipv4(tail)
    return ipv6(`${head}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]))
}

/** undefined = not an address: refuse. */
const parseAddress = (text: string): Address | undefined => (isIPv4(text) ? ipv4(text) : ipv6(text))

const covers = (range: Range, address: Address): boolean => {
  if (range.bytes.length !== address.length) return false
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 0xff : (0xff << (8 - (range.bits - bit))) & 0xff
    if (((range.bytes[bit / 8] ?? 0) & mask) !== ((address[bit / 8] ?? 0) & mask)) return false
  }
  return true
}

const parseRange = (text: string): Range | undefined => {
  const [address = '', bitsText] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes === undefined) return undefined
  const bits = bitsText === undefined ? bytes.length * 8 : Number(bitsText)
  return Number.isInteger(bits) && bits >= 0 && bits <= bytes.length * 8 && bitsText !== '' ? { text, bytes, bits } : undefined
}

const range = (text: string): Range => {
  const parsed = parseRange(text)
  if (parsed === undefined) throw new ConfabError('internal', { detail: `The range ${text} cannot be read.` })
  return parsed
}

/** webhooks.md §7. 168.63.129.16 is a cloud's host service on a public address. */
const BLOCKED = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16
  198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
  2001::/23 2001:db8::/32 2002::/16 3fff::/20`
  .trim()
  .split(/\s+/)
  .map(range)

const GLOBAL_UNICAST = range('2000::/3')
/** Mapped, compatible, NAT64: the last four bytes are what is reached. NAT64 of public IPv4 must pass, or IPv6-only sites reach nobody. */
const WRAPPED = ['::ffff:0:0/96', '::/96', '64:ff9b::/96'].map(range)

const unwrapped = (address: Address): Address => (WRAPPED.some((wrap) => covers(wrap, address)) ? address.slice(12) : address)

export interface AddressRules {
  /** The rule that refuses an address, or undefined where it may be reached. */
  refusal(address: string): string | undefined
  /** Whether CONFAB_EGRESS_ALLOW names it: then http is allowed too. */
  isAllowListed(address: string): boolean
}

/**
 * `allow`: CIDRs of CONFAB_EGRESS_ALLOW. `own`: the machine's own addresses, refused even where they are public.
 * Throws `config_invalid` for a CIDR that cannot be read.
 */
export const openAddressRules = (allow: readonly string[], own: () => readonly string[]): AddressRules => {
  const allowed = allow.map((text) => {
    const parsed = parseRange(text)
    if (parsed === undefined)
      throw new ConfabError('config_invalid', { detail: `CONFAB_EGRESS_ALLOW expects addresses such as 10.1.2.0/24, not "${text}".` })
    return parsed
  })
  const isAllowed = (address: Address): boolean => allowed.some((one) => covers(one, address) || covers(one, unwrapped(address)))
  const isOwn = (address: Address): boolean => own().some((text) => parseAddress(text)?.join() === address.join())
  return {
    refusal(text) {
      const address = parseAddress(text)
      if (address === undefined) return 'not an address'
      if (isAllowed(address)) return undefined
      const inner = unwrapped(address)
      const rule = BLOCKED.find((blocked) => covers(blocked, inner))
      if (rule !== undefined) return rule.text
      if (inner.length === 16 && !covers(GLOBAL_UNICAST, inner)) return 'outside 2000::/3'
      return isOwn(inner) ? "the server's own address" : undefined
    },
    isAllowListed(text) {
      const address = parseAddress(text)
      return address !== undefined && isAllowed(address)
    },
  }
}
