// What the app says: who someone is, states of a send, and refusals with what to do about them.
// Pure, between codes and the reader; ids become names through the lookup that is handed in.

import type { Message, PrincipalShape, Problem } from '#schemas'
import type { SendReason } from '#schemas/log'

export interface Names {
  readonly me: string
  readonly agent: (id: string) => string | undefined
  readonly label: (id: string) => string | undefined
  /** The contact of the thread. */
  readonly contact: string
}

/** "You", an agent's name, the contact's, or the plain word for what is no person. */
export const authorName = (author: PrincipalShape, names: Names): string => {
  if (author.kind === 'contact') return names.contact
  if (author.kind === 'agent' && author.id === names.me) return 'You'
  if (author.name !== undefined && author.name !== '') return author.name
  const known = author.id === null ? undefined : names.agent(author.id)
  if (known !== undefined) return known
  return { agent: 'An agent', bot: 'Bot', token: 'Integration', rule: 'A rule', provider: "The provider's app", system: 'Confab' }[
    author.kind
  ]
}

const reasons: Readonly<Record<SendReason, string>> = {
  other: 'The provider gave no reason.',
  rejected: 'The provider refused it.',
  recipient_invalid: 'This address cannot receive messages.',
  recipient_opted_out: 'They have opted out.',
  credentials_refused: "The account's credentials were refused; check them in Settings.",
  account_suspended: 'The account is suspended at the provider.',
  content_refused: 'The provider refused the content.',
  window_closed: 'The reply window has closed.',
  retries_spent: 'The provider could not be reached, several times over.',
  undelivered: 'It could not be delivered.',
  blocked: 'The contact is blocked.',
  superseded: 'Someone took over before it was sent.',
  crashed: 'The server stopped in the middle of sending.',
  timed_out: 'The provider did not answer in time.',
  connection_lost: 'The connection to the provider broke in the middle.',
  provider_error: 'The provider reported an error of its own.',
  settled_by_agent: 'An agent marked it so.',
  contact_replied: 'They wrote before its time came.',
}

/** Why a send failed or is in doubt, with the provider's own number for it. */
export const sendReason = (send: NonNullable<Message['send']>): string => {
  const words = (reasons as Readonly<Record<string, string | undefined>>)[send.reason ?? ''] ?? reasons.other
  return send.providerCode === null ? words : `${words} (${send.providerCode})`
}

export interface Refusal {
  readonly title: string
  readonly advice: string
  /** Sending the same words with `override` may be offered. */
  readonly mayOverride: boolean
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const holderOf = (problem: Problem, names: Names): string => {
  const holder = (problem as Record<string, unknown>)['holder']
  const id = typeof holder === 'object' && holder !== null ? text((holder as { id?: unknown }).id) : text(holder)
  return (id === undefined ? undefined : names.agent(id)) ?? 'Another agent'
}

/** A refusal in words, with what to do about it. */
export const refusalOf = (problem: Problem, names: Names): Refusal => {
  switch (problem.code) {
    case 'conversation_taken':
      return {
        title: `${holderOf(problem, names)} has this conversation.`,
        advice: 'Your words are kept. Leave a note, assign it to yourself first, or send all the same if you may.',
        mayOverride: true,
      }
    case 'answered_meanwhile':
      return {
        title: 'Someone answered while you were writing.',
        advice: 'Read their answer above, then send yours all the same or discard it.',
        mayOverride: true,
      }
    case 'conversation_moved':
      return { title: 'Someone else changed the assignee first.', advice: 'Look at who has it now, then assign again.', mayOverride: false }
    case 'window_closed':
      return {
        title: 'The reply window has closed.',
        advice: 'Only an approved template can be sent until they write again.',
        mayOverride: false,
      }
    case 'recipient_opted_out':
      return { title: 'They have opted out of messages.', advice: 'They can opt in again by writing START.', mayOverride: false }
    case 'contact_blocked':
      return { title: 'This contact is blocked.', advice: 'Unblock them before you write.', mayOverride: false }
    case 'fate_unknown':
      return {
        title: 'It is not known whether this was sent.',
        advice: 'Mark it sent or not sent first, or accept that they may get it twice.',
        mayOverride: false,
      }
    case 'outcome_pending':
      return {
        title: 'The server has not answered.',
        advice: 'It may have been sent. Trying again cannot send it twice.',
        mayOverride: false,
      }
    case 'offline':
      return { title: 'There is no connection.', advice: 'It is kept here; try again when the line is back.', mayOverride: false }
    default:
      return { title: problem.title, advice: problem.detail ?? '', mayOverride: false }
  }
}
