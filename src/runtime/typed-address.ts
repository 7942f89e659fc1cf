// An address as a person typed it, as the provider will write it: else one customer has two conversations.
// Between the API, where numbers are typed, and the ids that are derived from them; what a provider says is never rewritten.

import { parsePhoneNumberFromString } from 'libphonenumber-js'
import { channelOf } from '#channels'
import type { Channel } from '#schemas/log'
import { ConfabError } from '#errors'

const INTERNATIONAL = /^\+\d{5,15}$/
const PREFIX = /^(whatsapp|rcs|messenger):/

/** As the channel's own ids are written. */
const ownAddress = (channel: Channel, typed: string): string => {
  const provider = channelOf(channel)?.provider
  const userId = provider?.userIdOf === undefined ? typed.trim() : provider.userIdOf(typed)
  if (userId === null) throw new ConfabError('request_invalid', { detail: 'to is no address on this channel.' })
  return userId
}

/** E.164 where the channel goes by numbers. Throws `request_invalid` for what cannot be a number; short codes pass. */
export const typedAddress = (channel: Channel, typed: string): string => {
  if (channel !== 'twilio') return ownAddress(channel, typed)
  const text = typed.trim()
  const prefix = PREFIX.exec(text)?.[0] ?? ''
  const rest = text.slice(prefix.length)
  if (prefix !== 'whatsapp:' && prefix !== '') return text
  if (/^\d{3,8}$/.test(rest)) return text
  const number = parsePhoneNumberFromString(rest)
  if (number?.isPossible() === true) return `${prefix}${number.number}`
  // Numbers that no plan knows exist too, for tests and in new ranges: what is plainly international passes.
  const digits = rest.replaceAll(/[\s().-]/g, '')
  if (INTERNATIONAL.test(digits)) return `${prefix}${digits}`
  throw new ConfabError('request_invalid', { detail: 'to must be a phone number with its country, such as +1 555 010 0123.' })
}
