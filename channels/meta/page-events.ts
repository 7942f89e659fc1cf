// One item of `messaging`, `standby` or a dashboard's test as events: exactly one of its keys says what it is (PROTOCOLS 1.3, 1.4, 2).
// Between an entry of a Page or Instagram account and intake.

import { hash } from 'node:crypto'
import { idOf, inner, listOf, textOf, timeOf, written, type JsonObject } from '../json.ts'
import type { Referral } from '../shape.ts'
import { correlationIn } from './correlation.ts'
import { messageContent, postbackContent } from './page-content.ts'
import { skippable, type Reading } from './webhook.ts'

const DAY_MS = 86_400_000
/** A first message behind an ad can open the window this long (Meta's policy of September 2026). */
const AD_WINDOW_MS = 7 * DAY_MS
const RECEIPTS_MAX = 100

/** Who is who in an item: the page is ours, the person theirs. */
interface Place {
  readonly accountAddresses: readonly string[]
  readonly userId: string
  readonly threadId: null
  readonly isStandby?: boolean
  readonly isOurs: boolean
  readonly at: number | null
}

/** A person who is known by a plugin's reference alone is addressed by it. */
const userRef = (party: JsonObject | undefined): string | null => {
  const reference = idOf(party, 'user_ref')
  return reference === null ? null : `user_ref:${reference}`
}

/** Milliseconds; Instagram Login's `changes` tell seconds, which as milliseconds would lie in 1970. */
const SECONDS_MAX = 100_000_000_000
const momentOf = (item: JsonObject): number | null => {
  const time = timeOf(item, 'timestamp', 1)
  return time !== null && time < SECONDS_MAX ? time * 1000 : time
}

const placeOf = (item: JsonObject, entryId: string, isStandby: boolean): Place | null => {
  const [sender, recipient] = [inner(item, 'sender'), inner(item, 'recipient')]
  const from = idOf(sender, 'id') ?? userRef(sender)
  const to = idOf(recipient, 'id') ?? userRef(recipient)
  const isOurs = inner(item, 'message')?.['is_echo'] === true || from === entryId
  const userId = (isOurs ? to : from) ?? userRef(inner(item, 'optin'))
  if (userId === null) return null
  const ours = isOurs ? from : to
  const accountAddresses = ours === null || ours === entryId ? [entryId] : [entryId, ours]
  const at = momentOf(item)
  return { accountAddresses, userId, threadId: null, ...(isStandby ? { isStandby } : {}), isOurs, at }
}

const found = ({ accountAddresses, userId, threadId, isStandby, isOurs }: Place, eventKey: readonly string[]) => ({
  accountAddresses,
  userId,
  threadId,
  eventKey,
  ...(isOurs ? { isOurs } : {}),
  ...(isStandby === true ? { isStandby } : {}),
})

const referralOf = (referral: JsonObject | undefined): Referral | null => {
  if (referral === undefined) return null
  const ad = inner(referral, 'ads_context_data')
  return {
    source: textOf(referral, 'source'),
    type: textOf(referral, 'type'),
    ref: textOf(referral, 'ref'),
    url: textOf(referral, 'referer_uri') ?? textOf(ad, 'video_url') ?? textOf(ad, 'photo_url'),
    adId: idOf(referral, 'ad_id'),
    title: textOf(ad, 'ad_title') ?? idOf(inner(referral, 'product'), 'id'),
    text: null,
  }
}

const windowMs = (referral: Referral | null): number => (referral?.source?.toUpperCase() === 'ADS' ? AD_WINDOW_MS : DAY_MS)

type Reader = (part: JsonObject, place: Place, reading: Reading) => void

const readMessage: Reader = (message, place, { events, faults }) => {
  const mid = idOf(message, 'mid')
  if (mid === null) return void faults.push('a message without mid')
  if (message['is_deleted'] === true)
    return void events.push({ kind: 'unsend', ...found(place, ['unsend', mid]), providerMessageId: mid, providerAt: place.at })
  const said = { providerMessageId: mid, providerAt: place.at, content: messageContent(message, mid) }
  const quoted = idOf(inner(message, 'reply_to'), 'mid')
  const reply = quoted === null ? {} : { replyTo: quoted }
  if (place.isOurs) {
    const correlation = correlationIn(textOf(message, 'metadata'))
    return void events.push({
      kind: 'echo',
      ...found(place, ['echo', mid]),
      ...said,
      ...reply,
      appId: idOf(message, 'app_id'),
      correlation,
    })
  }
  const referral = referralOf(inner(message, 'referral'))
  const more = referral === null ? reply : { ...reply, referral }
  events.push({
    kind: 'message',
    ...found(place, ['message', mid]),
    ...said,
    profile: null,
    opt: null,
    opensWindowMs: windowMs(referral),
    ...more,
  })
}

/** Without a mid a tap goes by who, when and what: the same tap told twice is one. */
const readPostback: Reader = (postback, place, { events }) => {
  const payload = textOf(postback, 'payload') ?? textOf(postback, 'title') ?? ''
  const derived = (): string => `postback.${hash('sha256', written([place.userId, place.at, payload]) ?? '')}`
  const mid = idOf(postback, 'mid') ?? derived()
  const referral = referralOf(inner(postback, 'referral'))
  events.push({
    kind: 'message',
    ...found(place, ['message', mid]),
    providerMessageId: mid,
    providerAt: place.at,
    content: postbackContent(postback, mid),
    profile: null,
    opt: null,
    opensWindowMs: windowMs(referral),
    ...(referral === null ? {} : { referral }),
  })
}

/** Names that Meta gives instead of, or beside, the emoji itself. */
const REACTIONS: ReadonlyMap<string, string> = new Map([
  ['smile', '😄'],
  ['laugh', '😄'],
  ['haha', '😄'],
  ['angry', '😠'],
  ['sad', '😢'],
  ['wow', '😮'],
  ['love', '❤️'],
  ['like', '👍'],
  ['dislike', '👎'],
])

const readReaction: Reader = (reaction, place, { events, faults }) => {
  const mid = idOf(reaction, 'mid')
  const action = textOf(reaction, 'action')
  if (mid === null || (action !== 'react' && action !== 'unreact')) return void faults.push('a reaction without mid or action')
  const name = textOf(reaction, 'reaction') ?? ''
  const emoji = action === 'unreact' ? null : (textOf(reaction, 'emoji') ?? REACTIONS.get(name) ?? name)
  const eventKey = ['reaction', mid, place.userId, action, emoji ?? '', String(place.at ?? '')]
  const opens = place.isOurs || emoji === null ? {} : { opensWindowMs: DAY_MS }
  events.push({ kind: 'reaction', ...found(place, eventKey), ...opens, providerMessageId: mid, providerAt: place.at, emoji })
}

const readEdit: Reader = (edit, place, { events, faults }) => {
  const mid = idOf(edit, 'mid')
  const text = edit['text']
  if (mid === null || typeof text !== 'string') return void faults.push('an edit without mid or text')
  const eventKey = ['edit', mid, idOf(edit, 'num_edit') ?? String(place.at ?? '')]
  events.push({ kind: 'edit', ...found(place, eventKey), providerMessageId: mid, providerAt: place.at, text })
}

const receipts = (state: 'delivered' | 'read', mids: readonly string[], place: Place, { events }: Reading): void => {
  for (const mid of mids.slice(0, RECEIPTS_MAX))
    events.push({
      kind: 'receipt',
      ...found(place, ['receipt', mid, state]),
      providerMessageId: mid,
      correlation: null,
      state,
      reason: null,
      providerCode: null,
    })
}

const readMark =
  (state: 'delivered' | 'read'): Reader =>
  (mark, place, reading) => {
    const listed: unknown = mark['mids']
    const named: readonly unknown[] = Array.isArray(listed) ? listed : []
    const mids = [...named, mark['mid']].filter((mid): mid is string => typeof mid === 'string' && mid !== '')
    const upTo = timeOf(mark, 'watermark', 1)
    if (mids.length === 0 && upTo === null) return void reading.faults.push(`a ${state} receipt without watermark`)
    receipts(state, mids, place, reading)
    if (upTo === null) return
    const eventKey = ['watermark', state, place.userId, String(upTo)]
    reading.events.push({ kind: 'watermark', ...found(place, eventKey), state, upTo })
  }

const readReferral: Reader = (part, place, { events }) => {
  const referral = referralOf(part)
  if (referral === null) return
  const eventKey = ['referral', place.userId, String(place.at ?? ''), referral.ref ?? referral.adId ?? '']
  events.push({ kind: 'referral', ...found(place, eventKey), opensWindowMs: windowMs(referral), providerAt: place.at, referral })
}

const readOptin: Reader = (optin, place, { events }) => {
  const status = textOf(optin, 'notification_messages_status') ?? ''
  const topic = textOf(optin, 'title') ?? textOf(optin, 'topic') ?? textOf(optin, 'payload') ?? textOf(optin, 'ref') ?? 'optin'
  const opt = status.toUpperCase().startsWith('STOP') ? 'out' : 'in'
  const eventKey = ['opt', place.userId, opt, topic, String(place.at ?? '')]
  events.push({ kind: 'opt', ...found(place, eventKey), providerAt: place.at, opt, topic })
}

const readHandover =
  (action: 'passed' | 'taken' | 'requested'): Reader =>
  (part, place, { events }) => {
    const appId = idOf(part, action === 'requested' ? 'requested_owner_app_id' : 'new_owner_app_id')
    const eventKey = ['handover', action, place.userId, String(place.at ?? ''), appId ?? '']
    const previousAppId = idOf(part, 'previous_owner_app_id')
    events.push({ kind: 'handover', ...found(place, eventKey), action, providerAt: place.at, appId, previousAppId })
  }

const WORDS_MAX = 300

const readPolicy: Reader = (part, place, { events }) => {
  const action = textOf(part, 'action') === 'unblock' ? 'unblock' : 'block'
  const what = `Meta's policy: ${action === 'block' ? 'messaging is blocked' : 'messaging is allowed again'}. ${textOf(part, 'reason') ?? ''}`
  const level = action === 'block' ? 'error' : 'info'
  const eventKey = ['account', 'policy', action, String(place.at ?? '')]
  events.push({ kind: 'account', ...found(place, eventKey), level, what: what.trim().slice(0, WORDS_MAX) })
}

const readers: ReadonlyMap<string, Reader> = new Map([
  ['message', readMessage],
  ['message_edit', readEdit],
  ['reaction', readReaction],
  ['delivery', readMark('delivered')],
  ['read', readMark('read')],
  ['postback', readPostback],
  ['referral', readReferral],
  ['optin', readOptin],
  ['pass_thread_control', readHandover('passed')],
  ['take_thread_control', readHandover('taken')],
  ['request_thread_control', readHandover('requested')],
  ['policy_enforcement', readPolicy],
])
/** Keys that frame an item and are no kind of their own. */
const FRAME = new Set(['sender', 'recipient', 'timestamp', 'is_echo', 'hop_context', 'prior_message'])

const readItem = (item: JsonObject, entryId: string, isStandby: boolean, reading: Reading): void => {
  const kind = Object.keys(item).find((key) => readers.has(key))
  if (kind === undefined) {
    reading.skipped.push(skippable(Object.keys(item).find((key) => !FRAME.has(key))))
    return
  }
  const part = inner(item, kind)
  // What befalls the account as a whole names nobody.
  const nobody: Place = { accountAddresses: [entryId], userId: '', threadId: null, isOurs: false, at: momentOf(item) }
  const place = kind === 'policy_enforcement' ? nobody : placeOf(item, entryId, isStandby)
  if (part === undefined || place === null) {
    const lack = part === undefined ? 'its object' : 'sender or recipient'
    reading.faults.push(`a ${kind} without ${lack}`)
  } else readers.get(kind)?.(part, place, reading)
}

/** An entry of object `page` or `instagram`; `changes` is the form of the dashboard's test button and of Instagram Login. */
export const readPageEntry = (entry: JsonObject, reading: Reading): void => {
  const entryId = idOf(entry, 'id')
  if (entryId === null) return void reading.faults.push('an entry without id')
  for (const item of listOf(entry, 'messaging') ?? []) readItem(item, entryId, false, reading)
  for (const item of listOf(entry, 'standby') ?? []) readItem(item, entryId, true, reading)
  for (const change of listOf(entry, 'changes') ?? []) {
    const value = inner(change, 'value')
    if (value !== undefined && Object.keys(value).some((key) => readers.has(key))) readItem(value, entryId, false, reading)
    else reading.skipped.push(skippable(change['field']))
  }
}
