// An entry of a WhatsApp Business Account as events: messages, statuses, echoes of the phone's app, identities, account news.
// Between the verified body and intake; fields that no event speaks of are named and stay in raw (PROTOCOLS 3.1, 3.2).

import { blankProfile } from '../content.ts'
import { codeIn, idOf, inner, listOf, textOf, timeOf, type JsonObject } from '../json.ts'
import { correlationIn } from '../meta/correlation.ts'
import { skippable, type Reading } from '../meta/webhook.ts'
import type { ParsedReceipt, Referral } from '../shape.ts'
import { failureOf } from './codes.ts'
import { contentOf } from './content.ts'
import { newsOf } from './news.ts'
import { personOf, phonesOf } from './numbers.ts'

const DAY_MS = 86_400_000

/** A change's value with the addresses of ours that it names: the number, then the account of all its numbers. */
interface Change {
  readonly field: string
  readonly value: JsonObject
  readonly accountAddresses: readonly string[]
}

const STATES: ReadonlyMap<string, ParsedReceipt['state']> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'read'],
  ['failed', 'failed'],
])

const contactOf = ({ value }: Change, number: string | null, userId: string | null): JsonObject | undefined => {
  const contacts = listOf(value, 'contacts') ?? []
  const match = contacts.find(
    (contact) => (number !== null && idOf(contact, 'wa_id') === number) || (userId !== null && idOf(contact, 'user_id') === userId),
  )
  return match ?? (contacts.length === 1 ? contacts[0] : undefined)
}

const referralOf = (referral: JsonObject | undefined): { readonly referral: Referral } | object => {
  if (referral === undefined) return {}
  const type = textOf(referral, 'source_type')
  return {
    referral: {
      source: type === 'ad' ? 'ADS' : null,
      type,
      ref: textOf(referral, 'ctwa_clid'),
      url: textOf(referral, 'source_url'),
      adId: idOf(referral, 'source_id'),
      title: textOf(referral, 'headline'),
      text: textOf(referral, 'body'),
    },
  }
}

const readIdentity = (message: JsonObject, change: Change, reading: Reading): void => {
  const system = inner(message, 'system')
  const [from, fromUser] = [idOf(message, 'from'), idOf(message, 'from_user_id')]
  const [number, user] = [idOf(system, 'wa_id') ?? idOf(system, 'new_wa_id'), idOf(system, 'user_id')]
  const [previousUserId, person] = user !== null && fromUser !== null ? [fromUser, personOf(user, number)] : [from, personOf(user, number)]
  const type = textOf(system, 'type') ?? ''
  if (!/^(?:user_changed_|customer_changed_|customer_identity_changed)/.test(type) || previousUserId === null || person === null)
    return void reading.skipped.push(skippable(`system_${type}`))
  const id = idOf(message, 'id') ?? person.userId
  const { accountAddresses } = change
  const frame = { accountAddresses, threadId: null, eventKey: ['identity', id, previousUserId, person.userId] }
  reading.events.push({ kind: 'identity', ...frame, ...person, providerAt: timeOf(message, 'timestamp', 1000), previousUserId })
}

const readMessage = (message: JsonObject, change: Change, { events, faults, skipped }: Reading): void => {
  const type = textOf(message, 'type') ?? ''
  const id = idOf(message, 'id')
  if (type === 'system') return readIdentity(message, change, { events, faults, skipped })
  const [number, user] = [idOf(message, 'from'), idOf(message, 'from_user_id')]
  const contact = contactOf(change, number, user)
  const digits = idOf(contact, 'wa_id') ?? number
  const person = personOf(user, idOf(contact, 'user_id'), digits, number, idOf(contact, 'parent_user_id'))
  if (id === null || person === null) return void faults.push(`a message without ${id === null ? 'id' : 'sender'}`)
  const providerAt = timeOf(message, 'timestamp', 1000)
  const { accountAddresses } = change
  const frame = { accountAddresses, ...person, threadId: idOf(message, 'group_id'), opensWindowMs: DAY_MS, providerAt }
  const reaction = type === 'reaction' ? inner(message, 'reaction') : undefined
  const target = idOf(reaction, 'message_id')
  if (target !== null) {
    const emoji = textOf(reaction, 'emoji')
    return void events.push({ kind: 'reaction', ...frame, eventKey: ['reaction', id], providerMessageId: target, emoji })
  }
  const profile = inner(contact, 'profile')
  const handle = textOf(profile, 'username')
  const quoted = idOf(inner(message, 'context'), 'id')
  events.push({
    kind: 'message',
    ...frame,
    eventKey: ['message', id],
    providerMessageId: id,
    content: contentOf(message, id),
    profile: blankProfile(person.userId, {
      name: textOf(profile, 'name') ?? (handle === null ? null : `@${handle}`),
      phones: phonesOf(digits),
    }),
    opt: null,
    ...(quoted === null ? {} : { replyTo: quoted }),
    ...referralOf(inner(message, 'referral')),
  })
}

/** What the business wrote in the phone's own app, or on a linked device. */
const readEcho = (message: JsonObject, { accountAddresses }: Change, { events, faults }: Reading): void => {
  const id = idOf(message, 'id')
  const person = personOf(idOf(message, 'to_user_id'), idOf(message, 'to')?.replace(/^\+/, '') ?? null)
  if (id === null || person === null) return void faults.push('an echo without id or recipient')
  const frame = { accountAddresses, ...person, threadId: idOf(message, 'group_id'), eventKey: ['echo', id] }
  const providerAt = timeOf(message, 'timestamp', 1000)
  const content = contentOf(message, id)
  events.push({ kind: 'echo', ...frame, providerMessageId: id, providerAt, content, appId: null, correlation: null })
}

const readStatus = (status: JsonObject, { accountAddresses }: Change, { events, faults, skipped }: Reading): void => {
  const id = idOf(status, 'id')
  const word = textOf(status, 'status') ?? ''
  const person = personOf(idOf(status, 'recipient_user_id'), idOf(status, 'recipient_id'))
  const state = STATES.get(word)
  if (state === undefined) return void skipped.push(skippable(`status_${word}`))
  if (id === null) return void faults.push('a status without id')
  const correlation = correlationIn(textOf(status, 'biz_opaque_callback_data'))
  // A group's status may name no person: our own ids still lead to the message.
  if (person === null && correlation === null) return void faults.push('a status without recipient')
  const providerCode = state === 'failed' ? codeIn(listOf(status, 'errors')?.[0], 'code') : null
  const { reason, mayRetry } = failureOf(providerCode)
  events.push({
    kind: 'receipt',
    accountAddresses,
    ...(person ?? { userId: '', aliases: [] }),
    threadId: textOf(status, 'recipient_type') === 'group' ? idOf(status, 'recipient_id') : null,
    eventKey: ['receipt', id, word, person?.userId ?? '', providerCode === null ? '' : String(providerCode)],
    providerMessageId: id,
    correlation,
    state,
    reason: state === 'failed' ? reason : null,
    providerCode,
    ...(state === 'failed' && mayRetry ? { mayRetry } : {}),
  })
}

const readUserIdUpdate = (update: JsonObject, { accountAddresses }: Change, { events, faults }: Reading): void => {
  const ids = inner(update, 'user_id')
  const [previousUserId, current] = [idOf(ids, 'previous'), idOf(ids, 'current')]
  const person = personOf(current, idOf(update, 'wa_id'))
  if (previousUserId === null || person === null) return void faults.push('a user_id_update without previous or current')
  const frame = { accountAddresses, threadId: null, eventKey: ['identity', previousUserId, person.userId] }
  events.push({ kind: 'identity', ...frame, ...person, providerAt: timeOf(update, 'timestamp', 1000), previousUserId })
}

const readPreference = (preference: JsonObject, { accountAddresses }: Change, { events, faults }: Reading): void => {
  const person = personOf(idOf(preference, 'user_id'), idOf(preference, 'wa_id'))
  if (person === null) return void faults.push('a preference without a person')
  const opt = textOf(preference, 'value') === 'stop' ? 'out' : 'in'
  const topic = textOf(preference, 'category') ?? 'marketing_messages'
  const providerAt = timeOf(preference, 'timestamp', 1000)
  const eventKey = ['opt', person.userId, opt, topic, String(providerAt ?? '')]
  events.push({ kind: 'opt', accountAddresses, ...person, threadId: null, eventKey, providerAt, opt, topic })
}

type ReadPart = (part: JsonObject, change: Change, reading: Reading) => void

/** Lists of a value and who reads their parts. */
const lists: readonly (readonly [string, ReadPart])[] = [
  ['messages', readMessage],
  ['statuses', readStatus],
  ['message_echoes', readEcho],
  ['user_id_update', readUserIdUpdate],
  ['user_preferences', readPreference],
]

const readChange = (change: Change, reading: Reading): void => {
  let isKnown = false
  for (const [name, read] of lists) {
    const parts = listOf(change.value, name)
    if (parts === undefined) continue
    isKnown = true
    for (const part of parts) read(part, change, reading)
  }
  if (isKnown) return
  const news = newsOf(change.field, change.value)
  if (news === null) reading.skipped.push(skippable(change.field))
  else reading.events.push({ kind: 'account', accountAddresses: change.accountAddresses, userId: '', threadId: null, ...news })
}

export const readEntry = (entry: JsonObject, reading: Reading): void => {
  const wabaId = idOf(entry, 'id')
  for (const { field, value } of listOf(entry, 'changes') ?? []) {
    const held = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
    const numberId = idOf(inner(held, 'metadata'), 'phone_number_id')
    // A number that nobody configured is nobody’s: its account’s other numbers are not meant.
    const address = numberId ?? wabaId
    if (held === undefined || address === null) reading.faults.push('a change without value or account')
    else readChange({ field: typeof field === 'string' ? field : '', value: held, accountAddresses: [address] }, reading)
  }
}
