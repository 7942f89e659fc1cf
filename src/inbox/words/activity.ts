// Lines of activity: what each event says in a thread, or nothing. A type that is missing here does not compile.
// Pure, between events as the log knows them and the reader; ids become names through the lookup that is handed in.

import type { EventShape } from '#schemas'
import type { EventType } from '#schemas/log'
import { comingTime } from './times.ts'
import { authorName, type Names } from './words.ts'

interface Seen {
  /** Who did it, in words. */
  readonly by: string
  readonly event: EventShape
  readonly data: EventShape['data']
  readonly names: Names
  readonly now: number
}

type Line = (seen: Seen) => string | null

/** Shown elsewhere: as a bubble, its mark, or a field beside the thread. */
const unsaid: Line = () => null

const agentOf = (value: unknown, names: Names): string | null => {
  if (typeof value !== 'object' || value === null) return null
  const { kind, id } = value as { readonly kind?: unknown; readonly id?: unknown }
  if (kind === 'bot') return 'a bot'
  return id === names.me ? 'you' : (names.agent(String(id)) ?? 'someone')
}

/** Whom it is handed to; null = people. */
const targetOf = (value: unknown, names: Names): string => {
  if (typeof value !== 'object' || value === null) return 'your team'
  return (value as { readonly kind?: unknown }).kind === 'team' ? 'a team' : (agentOf(value, names) ?? 'someone')
}

const upper = (words: string): string => `${words[0]?.toLocaleUpperCase() ?? ''}${words.slice(1)}`

const agentsOf = (value: unknown, names: Names): string =>
  (Array.isArray(value) ? value : []).map((id: unknown) => agentOf({ kind: 'agent', id }, names) ?? 'someone').join(', ')

const labelsOf = (value: unknown, names: Names): string =>
  (Array.isArray(value) ? value : []).map((id) => `“${names.label(String(id)) ?? 'a label'}”`).join(', ')

const assigned: Line = ({ by, event, data, names }) => {
  // The handover itself says so.
  if (data['because'] === 'handover') return null
  const after = agentOf(data['after'], names)
  if (after === null) return `${by} released it`
  const isOwn = event.by.kind === 'agent' && (data['after'] as { id?: unknown }).id === event.by.id
  if (!isOwn) return `${by} assigned it to ${after}`
  return data['because'] === 'reply' ? `${by} took it by replying` : `${by} took it`
}

const opened: Line = ({ by, data, names }) => {
  switch (data['because']) {
    case 'wake':
      return 'Woke up from its snooze'
    case 'inbound':
      return data['before'] === 'open' ? null : `${names.contact} wrote again, so it was reopened`
    case 'reopen':
      return `${by} reopened it`
    case 'release':
      return `${by} handed it to your team`
    default:
      // Started or taken: the event beside it says so.
      return null
  }
}

const snoozed: Line = ({ by, data, now }) =>
  typeof data['until'] === 'string' ? `${by} snoozed it until ${comingTime(data['until'], now)}` : `${by} snoozed it until the next message`

const labeled: Line = ({ by, data, names }) => {
  const added = labelsOf(data['added'], names)
  const removed = labelsOf(data['removed'], names)
  return `${by} ${[added && `added ${added}`, removed && `removed ${removed}`].filter(Boolean).join(' and ')}`
}

/** Someone who follows it by their own wish, or by another's. */
const joined: Line = ({ by, event, data, names }) => {
  const who = agentsOf(data['participants'], names)
  if (data['because'] === 'mention') return `${by} mentioned ${who}`
  const [first] = data['participants'] as readonly unknown[]
  return first === event.by.id ? `${by} follows it now` : `${by} asked ${who} to follow it`
}

const left: Line = ({ by, event, data, names }) => {
  const [first] = data['participants'] as readonly unknown[]
  return first === event.by.id ? `${by} no longer follows it` : `${by} asked ${agentsOf(data['participants'], names)} to leave it`
}

/** Its time having come is nobody's doing. */
const isRetry = (data: EventShape['data']): boolean => Number(data['attempt'] ?? 1) > 1 && data['isDue'] !== true

const lines: Readonly<Record<EventType, Line>> = {
  'conversation.created': ({ by, event }) => (event.by.kind === 'contact' ? null : `${by} started the conversation`),
  'conversation.opened': opened,
  'conversation.held': () => 'A bot answers now',
  'conversation.snoozed': snoozed,
  'conversation.resolved': ({ by }) => `${by} resolved it`,
  'conversation.assigned': assigned,
  'conversation.labeled': labeled,
  'conversation.prioritized': ({ by, data }) =>
    data['after'] === 'none' ? `${by} removed the priority` : `${by} set the priority to ${String(data['after'])}`,
  'conversation.changed': ({ by }) => `${by} changed what is noted of the conversation`,
  'conversation.joined': joined,
  'conversation.left': left,
  'conversation.blocked': ({ data, names }) => `${names.contact} was ${data['isBlocked'] === true ? 'blocked' : 'unblocked'}`,
  'conversation.opted': ({ data, names }) =>
    data['isOptedOut'] === true ? `${names.contact} opted out of messages` : `${names.contact} takes messages again`,
  'conversation.parked': () => 'Something here could not be processed; an operator has to look at it',
  'conversation.erased': ({ by }) => `${by} erased what was said before`,
  'note.added': unsaid,
  'note.edited': unsaid,
  'note.deleted': ({ by }) => `${by} deleted a note`,
  'message.received': unsaid,
  'conversation.aliased': unsaid,
  'conversation.passed': ({ data }) =>
    data['isElsewhere'] === true ? 'Another app answers at the provider now' : 'The conversation came back from another app',
  'conversation.referred': () => 'The contact came by an ad or a link',
  'message.queued': ({ by, data }) => (isRetry(data) ? `${by} sent a message again` : null),
  'message.sent': unsaid,
  'message.delivered': unsaid,
  'message.read': unsaid,
  'message.failed': unsaid,
  'message.unknown': unsaid,
  'message.settled': ({ by, data }) => `${by} marked a message as ${data['after'] === 'failed' ? 'not sent' : 'sent'}`,
  'message.edited': unsaid,
  'message.deleted': ({ by }) => `${by} deleted a message`,
  'message.reacted': unsaid,
  'message.attached': unsaid,
  'handover.offered': ({ by, data, names }) => `${by} offered it to ${targetOf(data['to'], names)}`,
  'handover.accepted': ({ data, names }) => `${upper(targetOf(data['to'], names))} accepted it`,
  'handover.passed': ({ by, data, names }) => `${by} passed it to ${targetOf(data['to'], names)}`,
  'handover.released': ({ by }) => `${by} gave it to your team`,
  'handover.expired': ({ data, names }) => `The offer to ${targetOf(data['to'], names)} was not taken up`,
  'handover.taken': ({ by }) => `${by} took over from the bot`,
  'window.opened': unsaid,
  'window.closing': ({ data, now }) => `The reply window closes ${comingTime(String(data['expiresAt']), now)}`,
  'contact.created': unsaid,
  'contact.changed': unsaid,
  'contact.joined': unsaid,
  'contact.attributed': unsaid,
  'contact.labeled': unsaid,
  'contact.blocked': unsaid,
  'contact.unblocked': unsaid,
  'contact.opted-out': unsaid,
  'contact.opted-in': unsaid,
  'contact.erased': unsaid,
  'setting.changed': unsaid,
}

/** Events of messages that leave a line besides the bubble: kept with those of the conversation. */
export const isKept = ({ type, data }: EventShape): boolean =>
  type === 'message.settled' || type === 'message.deleted' || type === 'note.deleted' || (type === 'message.queued' && isRetry(data))

/** One line of activity, or null for events that a thread does not show, those of a newer server among them. */
export const activityLine = (event: EventShape, names: Names, now: number): string | null => {
  const line = (lines as Readonly<Record<string, Line | undefined>>)[event.type]
  const { by, cause, data } = event
  const said = line?.({ by: authorName(by, names), event, data, names, now }) ?? null
  return said !== null && cause.ruleId !== undefined && by.kind !== 'rule' ? `${said} (by a rule)` : said
}
