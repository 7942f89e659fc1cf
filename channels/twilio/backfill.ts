// Reads Twilio's own message list as if its webhooks had come: inbound messages, and the fate of ours.
// Between GET Messages.json and intake; ids are the webhooks' ids, so a late webhook finds its message known.

import { blankContent, remoteAttachment } from '../content.ts'
import type { Backfill, BackfillPage, ParsedEvent, ProviderContext } from '../shape.ts'
import { codeOf, reasonOf, stateOf } from './codes.ts'
import { optOf, profileOf } from './content.ts'
import { dateOf, isObject, listOf, objectOf, textOf, type JsonObject } from '../json.ts'
import { get, messagesUrl } from './render.ts'

const DAY_MS = 86_400_000
/** Dates are whole seconds. A webhook's time is its arrival, after the second began: read back, a message stands at its end. */
const SECOND_END_MS = 999

const inboundOf = (message: JsonObject, sid: string, from: string, to: string): ParsedEvent => {
  const body = textOf(message, 'body')
  const service = textOf(message, 'messaging_service_sid')
  const hasMedia = Number(message['num_media'] ?? 0) > 0
  const sentAt = dateOf(message, 'date_sent') ?? dateOf(message, 'date_created')
  return {
    kind: 'message',
    accountAddresses: service === null ? [to] : [to, service],
    userId: from,
    threadId: null,
    eventKey: ['message', sid],
    providerMessageId: sid,
    providerAt: sentAt === null ? null : sentAt + SECOND_END_MS,
    content: { ...blankContent(), kind: hasMedia ? 'media' : 'text', text: hasMedia ? body : (body ?? ''), providerMessageId: sid },
    profile: profileOf(from, null),
    opt: optOf(new Map([['Body', [body ?? '']]]), from),
  }
}

const outboundOf = (message: JsonObject, sid: string, from: string | null, to: string): ParsedEvent[] => {
  const status = textOf(message, 'status') ?? ''
  const state = stateOf(status)
  if (state === null) return []
  const code = codeOf(message['error_code'])
  return [
    {
      kind: 'receipt',
      accountAddresses: [from, textOf(message, 'messaging_service_sid')].filter((address) => address !== null),
      userId: to,
      threadId: null,
      eventKey: ['receipt', sid, status, code === null ? '' : String(code)],
      providerMessageId: sid,
      correlation: null,
      state,
      reason: state === 'failed' ? reasonOf(status, code) : null,
      providerCode: state === 'failed' ? code : null,
    },
  ]
}

const mediaUrlOf = (message: JsonObject, context: ProviderContext): string | null => {
  const uris = message['subresource_uris']
  const media = isObject(uris) ? textOf(uris, 'media') : null
  return media === null || Number(message['num_media'] ?? 0) === 0 ? null : `${context.apiUrl}${media}`
}

const pageOf = (page: JsonObject, messages: readonly JsonObject[], context: ProviderContext): BackfillPage => {
  const events: ParsedEvent[] = []
  const faults: string[] = []
  const mediaRequests: { index: number; request: ReturnType<typeof get> }[] = []
  for (const message of messages) {
    const [sid, from, to] = [textOf(message, 'sid'), textOf(message, 'from'), textOf(message, 'to')]
    if (sid === null || to === null) faults.push('a listed message without sid or to')
    else if (textOf(message, 'direction') !== 'inbound') events.push(...outboundOf(message, sid, from, to))
    else if (from === null) faults.push('a listed inbound message without from')
    else {
      const media = mediaUrlOf(message, context)
      if (media !== null) mediaRequests.push({ index: events.length, request: get(media, context) })
      events.push(inboundOf(message, sid, from, to))
    }
  }
  const next = textOf(page, 'next_page_uri')
  return { events, faults, mediaRequests, next: next?.startsWith('/') === true ? get(`${context.apiUrl}${next}`, context) : null }
}

export const backfill: Backfill = {
  requests(context) {
    // Dates are GMT days: asked from the day before, what is known already drops out by its id.
    const day = new Date(context.since - DAY_MS).toISOString().slice(0, 10)
    const ours = context.accountAddress.startsWith('MG') ? [] : (['To', 'From'] as const)
    const filters = ours.length === 0 ? [{}] : ours.map((name) => ({ [name]: context.accountAddress }))
    return filters.map((filter) =>
      get(`${messagesUrl(context)}?${new URLSearchParams({ ...filter, 'DateSent>': day, PageSize: '1000' }).toString()}`, context),
    )
  },
  parse(body, context) {
    const page = objectOf(body)
    const messages = listOf(page, 'messages')
    return page === undefined || messages === undefined ? null : pageOf(page, messages, context)
  },
  withMedia(event, body, context) {
    const list = listOf(objectOf(body), 'media_list')
    if (list === undefined || event.kind !== 'message') return null
    const attachments = list.flatMap((media) => {
      const uri = textOf(media, 'uri')
      // The resource without its suffix is the file itself, as in a webhook's MediaUrl.
      return uri === null
        ? []
        : [remoteAttachment(`${context.apiUrl}${uri.replace(/\.json$/, '')}`, textOf(media, 'content_type') ?? 'application/octet-stream')]
    })
    return { ...event, content: { ...event.content, attachments } }
  },
}
