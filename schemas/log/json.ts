// From the log's words to the API's: an event with its contents filled in, in its two projections.
// Between Avro records and whoever shows them: gateway, webhooks, views. Times become ISO 8601, content takes its public form.

import type { Content as ApiContent, EventShape } from '../api/shapes.ts'
import { eventIdOf } from '../ids.ts'
import { time, type RecordShape, type Shape } from './avro.ts'
import { CodecError, decodeAny } from './codec.ts'
import type { ContentBody, ContentKind, StoredContent } from './contents.ts'
import { conversationRow, eventData, eventTypes, subjectKindOf, type ConversationRow, type Event, type EventType } from './events.ts'
import type { MessageContent, Principal } from './words.ts'

/** Stands where a contact may not learn which command, or whose, it was. */
export const HIDDEN_ID = '00000000-0000-0000-0000-000000000000'

const DAY_MS = 86_400_000
const twoDigits = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'))
let lastDay = Number.NaN
let lastDate = ''

/** ISO 8601, UTC, with milliseconds; times of one day follow one another, so its date is written once. */
export const isoOf = (ms: number): string => {
  const day = Math.floor(ms / DAY_MS)
  if (day !== lastDay) {
    lastDate = new Date(ms).toISOString().slice(0, -13)
    lastDay = day
  }
  const inDay = ms - day * DAY_MS
  const seconds = Math.floor(inDay / 1_000)
  const rest = inDay - seconds * 1_000
  const fraction = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : rest
  return `${lastDate}${twoDigits[Math.floor(seconds / 3_600)]}:${twoDigits[Math.floor(seconds / 60) % 60]}:${twoDigits[seconds % 60]}.${fraction}Z`
}

type Convert = (value: unknown) => unknown

/** A field that came later may be missing where no log was between. */
const isoOrNull: Convert = (value) => (value === null || value === undefined ? null : isoOf(value as number))

/** How a shape's value becomes JSON; undefined where it is JSON as it stands. */
const converterOf = (shape: Shape<unknown>): Convert | undefined => {
  if ((shape as unknown) === time) return (value) => isoOf(value as number)
  if (shape.kind === 'optional') {
    const inner = shape.parts?.[0]
    if ((inner as unknown) === time) return isoOrNull
    const convert = inner === undefined ? undefined : converterOf(inner)
    return convert === undefined ? undefined : (value) => (value === null || value === undefined ? null : convert(value))
  }
  return shape.kind === 'record' ? recordConverter((shape as RecordShape<unknown>).fields) : undefined
}

/** Records are always copied: what avsc decodes carries a prototype of its own. */
const recordConverter = (fields: Readonly<Record<string, Shape<unknown>>>): Convert => {
  const steps = Object.entries(fields).map(([name, shape]) => [name, converterOf(shape)] as const)
  return (value) => {
    const source = value as Readonly<Record<string, unknown>>
    const target: Record<string, unknown> = {}
    for (const [name, convert] of steps) target[name] = convert === undefined ? source[name] : convert(source[name])
    return target
  }
}

const dataConverters = new Map<EventType, Convert>(eventTypes.map((type) => [type, recordConverter(eventData[type])]))
const convertRow = recordConverter(conversationRow.fields)

type Timed<T> = { readonly [K in keyof T]: K extends `${string}At` | 'snoozedUntil' | 'waitingSince' ? string | Extract<T[K], null> : T[K] }

/** The list row as it stands in an event's JSON. */
export type ConversationRowJson = Timed<ConversationRow>

export const conversationRowToApi = (row: ConversationRow): ConversationRowJson => convertRow(row) as ConversationRowJson

/** An event as decoded, with its type from the record's header. Throws CodecError. */
export const decodeEvent = (type: string, bytes: Uint8Array): Event => {
  const event = decodeAny(bytes) as { type: string }
  event.type = type
  return event as Event
}

const CONTENT_PREFIX = 'content.'

/** Whether a record's header names a content. */
export const isContentType = (type: string): boolean => type.startsWith(CONTENT_PREFIX)

/** A content as decoded, with its kind from the record's header `content.<kind>`. Throws CodecError. */
export const decodeContent = (type: string, bytes: Uint8Array): StoredContent => {
  const content = decodeAny(bytes) as { kind: string }
  content.kind = type.slice(CONTENT_PREFIX.length)
  return content as StoredContent
}

export interface ContentOptions {
  /** Show the provider's own part. */
  readonly includeNative?: boolean
  /** Makes a stored file's link, for who may see the message. */
  readonly fileUrl?: (fileId: string) => string
}

const parseNative = (native: string): unknown => {
  try {
    return JSON.parse(native) as unknown
  } catch {
    // A provider's body that is no JSON is shown as the text it is.
    return native
  }
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** What few messages have. */
const showParts = (shown: ApiContent, { choice, cards, vcards, order, story, referral }: MessageContent): void => {
  if (choice !== null && choice !== undefined) shown.choice = plain(choice)
  if (cards !== null && cards !== undefined) shown.cards = plain(cards)
  if (vcards !== null && vcards !== undefined) shown.vcards = plain(vcards)
  if (order !== null && order !== undefined) shown.order = plain(order)
  if (story !== null && story !== undefined) shown.story = { ...story }
  if (referral !== null && referral !== undefined) shown.referral = { ...referral }
}

/** A message's content in its public form: no provider urls, no hashes, no provider ids. */
export const contentToApi = (content: MessageContent, options: ContentOptions = {}): ApiContent => {
  const { kind, text, attachments, location, answer, template, native } = content
  const shown: ApiContent = { kind }
  if (text !== null) shown.text = text
  if (attachments.length > 0) {
    shown.attachments = attachments.map((file) => ({
      kind: file.kind,
      fileId: file.fileId,
      state: file.state,
      name: file.name,
      contentType: file.contentType,
      sizeBytes: file.sizeBytes,
      ...(options.fileUrl === undefined || file.fileId === null || file.state !== 'ready' ? {} : { url: options.fileUrl(file.fileId) }),
    }))
  }
  if (location !== null) shown.location = { ...location }
  if (answer !== null) shown.answer = { text: answer.text, payload: answer.payload }
  if (template !== null) {
    const parameters = Object.fromEntries(template.parameters.map(({ name, value }) => [name, value]))
    shown.template = { name: template.name, language: template.language, parameters }
  }
  showParts(shown, content)
  if (options.includeNative === true && native !== null) shown.native = parseNative(native)
  return shown
}

type Filling = { [K in ContentKind]: (data: Record<string, unknown>, body: ContentBody[K], options: ContentOptions) => void }

const fillings: Filling = {
  message: (data, body, options) => {
    data['content'] = contentToApi(body, options)
    data['providerMessageId'] = body.providerMessageId
  },
  address: (data, body) => {
    data['address'] = { userId: body.userId, threadId: body.threadId, accountAddress: body.accountAddress }
  },
  profile: (data, body) => {
    const { avatarUrl, ...profile } = { ...body }
    data['profile'] = { ...profile, avatar: avatarUrl }
  },
  text: (data, body) => {
    data['reason'] = body.text
  },
  reaction: (data, body) => {
    data['emoji'] = body.emoji
  },
  handover: (data, body) => {
    data['reason'] = body.reason
    data['context'] = body.context
  },
  attributes: (data, body) => {
    data['attributes'] = { ...body.values }
  },
  referral: (data, body) => {
    data['referral'] = { ...body }
  },
  setting: (data, body) => {
    data['value'] = JSON.parse(body.json) as unknown
  },
}

const fill = (data: Record<string, unknown>, content: StoredContent, options: ContentOptions): void =>
  (fillings[content.kind] as (data: Record<string, unknown>, body: unknown, options: ContentOptions) => void)(data, content.body, options)

/** The event's type in JSON: a setting's is `<kind>.<action>`. */
const typeOf = (event: Event): string => (event.type === 'setting.changed' ? `${event.data.kind}.${event.data.action}` : event.type)

const messageBodyOf = (contents: readonly StoredContent[]): MessageContent | undefined => {
  for (const content of contents) if (content.kind === 'message') return content.body
  return undefined
}

/** The author's own key of what the event brought, for the author alone: it stands in no shared JSON. */
export const clientKeyOf = (contents: readonly StoredContent[]): string | null => messageBodyOf(contents)?.clientKey ?? null

const causeOf = (event: Event, contents: readonly StoredContent[]): EventShape['cause'] => {
  const cause: EventShape['cause'] = { commandId: event.commandId }
  if (event.ruleId !== null) cause.ruleId = event.ruleId
  const providerEventId = messageBodyOf(contents)?.providerEventId
  if (typeof providerEventId === 'string') cause.providerEventId = providerEventId
  return cause
}

export interface EventJsonOptions extends ContentOptions {
  /** Given by readers that need no id, or have it: deriving one costs a hash. */
  readonly id?: string
}

/**
 * The full projection of an event, as agents, bots and tokens are sent it. `contents`: those that lie directly before it; one that
 * is gone leaves `erased: true`. Of a conversation's event `data` holds content, providerMessageId, address, profile or attributes.
 */
export const eventToJson = (event: Event, contents: readonly StoredContent[], options: EventJsonOptions = {}): EventShape => {
  const convert = dataConverters.get(event.type)
  if (convert === undefined) throw new CodecError(`events of type ${event.type} are not known`)
  const data = convert(event.data) as Record<string, unknown>
  if (event.type === 'conversation.changed') data['attributes'] = {}
  for (const content of contents) fill(data, content, options)
  const kind = subjectKindOf(event.type)
  const json: EventShape = {
    id: options.id ?? eventIdOf(event.subjectId, event.seq),
    type: typeOf(event),
    organizationId: event.organizationId,
    subject: { kind, id: event.subjectId },
    seq: event.seq,
    at: isoOf(event.at),
    by: { kind: event.by.kind, id: event.by.id },
    cause: causeOf(event, contents),
    data,
  }
  if (kind === 'conversation') {
    json.conversationId = event.subjectId
    json.contactSeq = event.contactSeq
  }
  if (contents.length < event.contents) json.erased = true
  return json
}

/** What of an event's data its contact may see. Nothing else leaves by that door. */
const shownToContact = ['messageId', 'kind', 'orderAt', 'content', 'index', 'state', 'isRevoked', 'emoji', 'isRemoved'] as const

/** Who wrote, as the contact may know it: a name where there is a public one, never an id. */
export type PublicNameOf = (principal: Principal) => string | undefined

/**
 * The contact's projection: null for what they are not shown, `contactSeq` as `seq`, no ids of agents, no commands, no native part.
 * A name of the author is filled in by `publicNameOf`. An erasure says `upToSeq` in the contact's own numbers.
 */
export const eventToContactJson = (
  event: Event,
  contents: readonly StoredContent[],
  publicNameOf?: PublicNameOf,
  options: ContentOptions = {},
): EventShape | null => {
  if (event.contactSeq === null) return null
  const full = eventToJson(event, contents, options)
  const data: Record<string, unknown> = {}
  for (const field of shownToContact) if (field in full.data) data[field] = full.data[field]
  if (event.type === 'conversation.erased') data['upToSeq'] = event.contactSeq - 1
  const name = publicNameOf?.(event.by)
  return {
    id: full.id,
    type: full.type,
    organizationId: full.organizationId,
    subject: full.subject,
    conversationId: event.subjectId,
    seq: event.contactSeq,
    contactSeq: event.contactSeq,
    at: full.at,
    by: { kind: full.by.kind, id: null, ...(name === undefined ? {} : { name }) },
    cause: { commandId: HIDDEN_ID },
    data,
    ...(full.erased === true ? { erased: true } : {}),
  }
}
