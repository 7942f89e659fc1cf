// A connector's request as events: messages, receipts, reactions, edits, deletes, contacts, typing, in lists of their own.
// Between verified bytes that anybody may have written and intake (docs/channels/writing-one.md).

import { blankProfile } from '../content.ts'
import { codeIn, idOf, isObject, jsonOf, listOf, numberOf, textOf, type JsonObject } from '../json.ts'
import type { InboundRequest, ParsedEvent, ParsedReceipt, ParsedRequest } from '../shape.ts'
import type { Profile, SendReason } from '#schemas/log'
import { contentOf } from './content.ts'
import { reasons } from './interpret.ts'

/** Events of one request; a connector with more sends another. */
const EVENTS_MAX = 1000
const FAULTS_MAX = 100
const ID_LENGTH_MAX = 512
const ALIASES_MAX = 10

/** The account is who signs, so that a part names none. */
const accountAddresses: readonly string[] = []

/** A moment as ISO text or milliseconds. */
const momentOf = (part: JsonObject, field: string): number | null => {
  const text = textOf(part, field)
  const time = text !== null && !/^\d+$/.test(text) ? Date.parse(text) : (numberOf(part, field) ?? Number.NaN)
  return Number.isFinite(time) && time > 0 && time <= 8.64e15 ? Math.trunc(time) : null
}

const ID = (part: JsonObject, field: string): string | null => {
  const id = idOf(part, field)
  return id === null || id.length > ID_LENGTH_MAX ? null : id
}

const placeOf = (part: JsonObject, user: string) => {
  const userId = ID(part, user)
  if (userId === null) return null
  const listed = part['aliases']
  const aliases = Array.isArray(listed) ? listed.filter((each) => typeof each === 'string' && each !== userId).slice(0, ALIASES_MAX) : []
  return { accountAddresses, userId, threadId: ID(part, 'thread'), ...(aliases.length === 0 ? {} : { aliases: aliases as string[] }) }
}

const profileOf = (part: JsonObject, userId: string): Profile => {
  const texts = (field: string): string[] => {
    const list = part[field]
    return Array.isArray(list) ? list.filter((each) => typeof each === 'string').slice(0, ALIASES_MAX) : []
  }
  return blankProfile(userId, {
    name: textOf(part, 'name'),
    phones: texts('phones'),
    emails: texts('emails'),
    avatarUrl: textOf(part, 'avatarUrl'),
    locale: textOf(part, 'locale'),
    timezone: textOf(part, 'timezone'),
    company: textOf(part, 'company'),
  })
}

/** The events of one part; a text = why there are none. */
type Read = (part: JsonObject) => ParsedEvent[] | string

const message: Read = (part) => {
  const [id, isOurs] = [ID(part, 'id'), part['fromContact'] === false]
  // An answer given elsewhere names whom it went to.
  const place = placeOf(part, isOurs ? 'to' : 'from')
  if (id === null || place === null) return `a message without ${id === null ? 'id' : isOurs ? 'to' : 'from'}`
  const replyTo = ID(part, 'replyTo')
  const quote = replyTo === null ? {} : { replyTo }
  const said = { providerMessageId: id, providerAt: momentOf(part, 'at'), content: contentOf(part, id), ...quote }
  if (isOurs) return [{ kind: 'echo', ...place, eventKey: ['echo', id], ...said, appId: null, correlation: null }]
  const contact = part['contact']
  const profile = isObject(contact) ? profileOf(contact, place.userId) : null
  const opt = part['opt'] === 'out' || part['opt'] === 'in' ? part['opt'] : null
  return [{ kind: 'message', ...place, eventKey: ['message', id], ...said, profile, opt }]
}

const STATES: readonly ParsedReceipt['state'][] = ['sent', 'delivered', 'read', 'failed']

const reasonOf = (part: JsonObject): SendReason => {
  const word = textOf(part, 'reason') ?? ''
  return reasons.get(word)?.reason ?? 'undelivered'
}

/** By the id of a message, or `upTo` a moment for all of them. */
const receipt: Read = (part) => {
  const [id, state, place] = [ID(part, 'id'), STATES.find((each) => each === part['state']), placeOf(part, 'to')]
  if (state === undefined || place === null) return `a receipt without ${place === null ? 'to' : 'a known state'}`
  const upTo = momentOf(part, 'upTo')
  if (id === null) {
    if (upTo === null || (state !== 'delivered' && state !== 'read')) return 'a receipt without id'
    return [{ kind: 'watermark', ...place, eventKey: ['watermark', state, place.userId, String(upTo)], state, upTo }]
  }
  const code = state === 'failed' ? codeIn(part, 'code') : null
  const fate = { state, reason: state === 'failed' ? reasonOf(part) : null, providerCode: code }
  return [
    { kind: 'receipt', ...place, eventKey: ['receipt', id, state, String(code ?? '')], providerMessageId: id, correlation: null, ...fate },
  ]
}

const about = (kind: string, part: JsonObject) => {
  const [id, place] = [ID(part, 'id'), placeOf(part, 'from')]
  return id === null || place === null ? `${kind} without ${id === null ? 'id' : 'from'}` : { id, place, at: momentOf(part, 'at') }
}

const reaction: Read = (part) => {
  const known = about('a reaction', part)
  if (typeof known === 'string') return known
  const { id, place, at } = known
  const emoji = textOf(part, 'emoji')
  const eventKey = ['reaction', id, place.userId, emoji ?? '', String(at ?? '')]
  return [{ kind: 'reaction', ...place, eventKey, providerMessageId: id, providerAt: at, emoji }]
}

const edit: Read = (part) => {
  const known = about('an edit', part)
  if (typeof known === 'string') return known
  const { id, place, at } = known
  const text = part['text']
  if (typeof text !== 'string') return 'an edit without text'
  return [{ kind: 'edit', ...place, eventKey: ['edit', id, String(at ?? text)], providerMessageId: id, providerAt: at, text }]
}

const unsend: Read = (part) => {
  const known = about('a deletion', part)
  if (typeof known === 'string') return known
  return [{ kind: 'unsend', ...known.place, eventKey: ['unsend', known.id], providerMessageId: known.id, providerAt: known.at }]
}

const contact: Read = (part) => {
  const place = placeOf(part, 'id')
  if (place === null) return 'a contact without id'
  const frame = { ...place, threadId: null }
  const previousUserId = ID(part, 'previousId')
  const profile = profileOf(part, place.userId)
  const renamed: ParsedEvent[] =
    previousUserId === null
      ? []
      : [{ kind: 'identity', ...frame, eventKey: ['identity', previousUserId, place.userId], providerAt: null, previousUserId }]
  return [...renamed, { kind: 'profile', ...frame, eventKey: ['profile', place.userId, JSON.stringify(profile)], profile }]
}

const typing: Read = (part) => {
  const place = placeOf(part, 'from')
  if (place === null) return 'typing without from'
  return [{ kind: 'typing', ...place, eventKey: ['typing', place.userId], isTyping: part['isTyping'] !== false }]
}

const readers: readonly (readonly [string, Read])[] = [
  ['contacts', contact],
  ['messages', message],
  ['edits', edit],
  ['deletes', unsend],
  ['reactions', reaction],
  ['receipts', receipt],
  ['typing', typing],
]
const LISTS = new Set(readers.map(([name]) => name))

const answer = (events: ParsedEvent[], faults: string[], skipped: string[] = []): ParsedRequest => {
  const dropped = events.splice(EVENTS_MAX).length > 0 ? ['more events than a request may hold'] : []
  const told = [...dropped, ...faults].slice(0, FAULTS_MAX)
  // A connector's author sees at once what was not understood; the bytes are kept all the same.
  const body = JSON.stringify({ accepted: events.length, faults: told })
  return { signer: null, events, faults: told, skipped, response: { status: 200, contentType: 'application/json; charset=utf-8', body } }
}

export const parse = ({ body }: InboundRequest): ParsedRequest => {
  const request = jsonOf(body)
  if (!isObject(request)) return answer([], ['a body that is no JSON object'])
  const events: ParsedEvent[] = []
  const faults: string[] = []
  for (const [name, read] of readers)
    for (const part of listOf(request, name) ?? []) {
      if (events.length > EVENTS_MAX) break
      const found = read(part)
      if (typeof found === 'string') faults.push(found)
      else events.push(...found)
    }
  const unknown = Object.keys(request).filter((name) => !LISTS.has(name))
  const isEmpty = events.length === 0 && faults.length === 0
  return answer(events, isEmpty ? ['a request without any of its lists'] : faults, unknown.length === 0 ? [] : ['list'])
}
