// The samples of each channel, by what they show, and an event as one line that a test can name.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { channels, type ChannelName, type ParsedEvent, type ParsedRequest } from '#channels'

interface Sample {
  readonly source: string
  readonly body: unknown
}

const fixture = (name: string): unknown => JSON.parse(readFileSync(new URL(`../fixtures/channels/${name}.json`, import.meta.url), 'utf8'))

export const samplesOf = (name: string): Readonly<Record<string, Sample>> => fixture(name) as Record<string, Sample>

/** Meta's own examples, from its OpenAPI file. */
export const openapiWebhooks = (): Readonly<Record<string, unknown>> =>
  (fixture('whatsapp-openapi-webhooks') as { webhooks: Record<string, unknown> }).webhooks

const isRaw = (body: unknown): body is { readonly raw: string } => typeof body === 'object' && body !== null && 'raw' in body

/** As Meta writes it: beyond ASCII escaped in lower case, slashes too. */
export const bytesOf = (body: unknown): Buffer =>
  Buffer.from(
    isRaw(body)
      ? body.raw
      : JSON.stringify(body)
          .replaceAll('/', String.raw`\/`)
          .replaceAll(/[^\x20-\x7e]/g, (unit) => String.raw`\u` + unit.charCodeAt(0).toString(16).padStart(4, '0')),
  )

export const parseBody = (channel: ChannelName, body: unknown): ParsedRequest => {
  const webhook = channels[channel].webhook ?? assert.fail(`${channel} has a webhook`)
  const bytes = Buffer.isBuffer(body) ? body : bytesOf(body)
  return webhook.parse({ url: `https://confab.example/v1/ingest/${channel}/key`, headers: {}, body: bytes })
}

const DAY_MS = 86_400_000

const contentLine = ({ content }: Extract<ParsedEvent, { kind: 'message' | 'echo' }>): string => {
  const { kind, text, attachments, answer, location } = content
  const files = attachments.map((file) => `[${file.kind} ${file.contentType}]`).join('')
  const story = content.story === undefined || content.story === null ? '' : ` ${content.story.relation} ${content.story.storyId ?? '?'}`
  const parts = [
    answer === null ? '' : `=${answer.payload ?? ''}`,
    location === null ? '' : `${location.latitude},${location.longitude}`,
    files,
  ]
  return [kind + story, text === null ? '' : `"${text}"`, ...parts].filter((part) => part !== '').join(' ')
}

const restLine = (event: ParsedEvent): string => {
  switch (event.kind) {
    case 'message':
    case 'echo':
      return `${event.providerMessageId} ${contentLine(event)}${event.replyTo === undefined ? '' : ` re ${event.replyTo}`}`
    case 'receipt':
      return [event.providerMessageId, event.state, event.reason, event.providerCode].filter((part) => part !== null).join(' ')
    case 'watermark':
      return `${event.state} ${event.upTo}`
    case 'reaction':
      return `${event.providerMessageId} ${event.emoji ?? 'none'}`
    case 'edit':
      return `${event.providerMessageId} "${event.text}"`
    case 'unsend':
      return event.providerMessageId
    case 'referral':
      return `${event.referral.source} ${event.referral.ref}`
    case 'opt':
      return `${event.opt} ${event.topic}`
    case 'identity':
      return `was ${event.previousUserId}`
    case 'profile':
      return event.profile.name ?? ''
    case 'handover':
      return `${event.action} ${event.appId} from ${event.previousAppId}`
    case 'typing':
      return String(event.isTyping)
    case 'account':
      return `${event.level} ${event.what}`
  }
}

/** `kind user@thread rest`, with the window it opens where that is not a day. */
export const lineOf = (event: ParsedEvent): string => {
  const thread = event.threadId === null ? '' : `@${event.threadId}`
  const days = event.opensWindowMs === undefined || event.opensWindowMs === DAY_MS ? '' : ` +${event.opensWindowMs / DAY_MS}d`
  return `${event.kind} ${event.userId}${thread} ${restLine(event)}${event.isStandby === true ? ' standby' : ''}${days}`
}

/** Events as lines, then `fault: …` and `skipped: …`. */
export const linesOf = ({ events, faults, skipped }: ParsedRequest): string[] => [
  ...events.map(lineOf),
  ...faults.map((fault) => `fault: ${fault}`),
  ...(skipped ?? []).map((name) => `skipped: ${name}`),
]
