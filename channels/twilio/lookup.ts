// Looks for a message of ours in Twilio's list, when its create was cut off: the one channel where absence proves something.
// Between the sender's open fates and GET Messages.json.

import type { FoundSend, Lookup } from '../shape.ts'
import { codeOf, reasonOf, stateOf } from './codes.ts'
import { dateOf, listOf, objectOf, textOf, type JsonObject } from '../json.ts'
import { get, messagesUrl, senderOf } from './render.ts'

/** Twilio's clock and ours differ by this much at most, or we would see a send before we made it. */
const CLOCK_SKEW_MS = 120_000

const foundOf = (message: JsonObject): FoundSend[] => {
  const [sid, to, createdAt] = [textOf(message, 'sid'), textOf(message, 'to'), dateOf(message, 'date_created')]
  if (sid === null || to === null || createdAt === null || textOf(message, 'direction') === 'inbound') return []
  const status = textOf(message, 'status') ?? ''
  const state = stateOf(status) ?? 'sent'
  const code = codeOf(message['error_code'])
  return [
    {
      providerMessageId: sid,
      createdAt,
      userId: to,
      accountAddresses: [textOf(message, 'from'), textOf(message, 'messaging_service_sid')].filter((address) => address !== null),
      text: textOf(message, 'body') ?? '',
      state,
      reason: state === 'failed' ? reasonOf(status, code) : null,
      providerCode: state === 'failed' ? code : null,
    },
  ]
}

export const lookup: Lookup = {
  // Without a DateSent filter: a queued message has no date of sending yet.
  request: (context) =>
    get(`${messagesUrl(context)}?${new URLSearchParams({ To: context.address.userId, PageSize: '100' }).toString()}`, context),
  parse: ({ status, body }) => (status === 200 ? (listOf(objectOf(body), 'messages')?.flatMap(foundOf) ?? null) : null),
  matches(found, { content, context, startedAt }) {
    const sender = senderOf(context)
    const ours = 'From' in sender ? sender.From : sender.MessagingServiceSid
    if (found.userId !== context.address.userId || !found.accountAddresses.includes(ours)) return false
    if (found.createdAt < startedAt - CLOCK_SKEW_MS) return false
    // A template's body is written by Twilio; a caption may be absent: only text that we wrote can be compared.
    return content.kind === 'template' || found.text === (content.text ?? '')
  },
  proofAfterMs: 60_000,
}
