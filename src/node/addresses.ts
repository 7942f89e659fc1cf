// Who connects: the party behind the address of the socket, or behind what trusted proxies say of it, each only of the one before it.
// Between a raw request, as upgrades of sockets are, and those who count by address; requests of the API have Fastify's own, by the same rule.

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { partyOf } from '#http'

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

/** `trusted`: addresses and CIDRs, as CONFAB_TRUSTED_PROXIES has them. */
export const openAddresses = (trusted: readonly string[]): ((request: Pick<IncomingMessage, 'headers' | 'socket'>) => string) => {
  const proxies = new BlockList()
  for (const range of trusted) {
    const [address = '', bits] = range.split('/')
    if (bits === undefined) proxies.addAddress(address, familyOf(address))
    else proxies.addSubnet(address, Number(bits), familyOf(address))
  }
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && proxies.check(address, familyOf(address))
  return ({ headers, socket }) => {
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    let address = plain(socket.remoteAddress ?? '')
    // From the nearest to the farthest; the first that nobody vouches for is who asks.
    for (const said of forwarded.toReversed()) {
      const next = plain(said.trim())
      if (!isTrusted(address) || isIP(next) === 0) break
      address = next
    }
    return partyOf(address)
  }
}
