// A signed request of Twilio as events: an inbound message or a status, told apart by what it carries.
// Between the verified bytes and intake, which turns events into commands.

import type { Correlation, InboundRequest, ParsedEvent, ParsedRequest } from '../shape.ts'
import { codeOf, reasonOf, stateOf } from './codes.ts'
import { contentOf, optOf, profileOf } from './content.ts'
import { filled, first, parseForm, type Form } from './form.ts'
import { correlationOf } from './urls.ts'

/** An answer without instructions: replies go out by our own sender. */
const RESPONSE = { status: 200, contentType: 'text/xml; charset=utf-8', body: '<Response/>' } as const

const MESSAGE_SID = /^[A-Z]{2}[0-9a-fA-F]{1,62}$/

const isSid = (text: string | null): text is string => text !== null && MESSAGE_SID.test(text)

const present = (values: readonly (string | null)[]): string[] => values.filter((value) => value !== null)

const messageOf = (form: Form, sid: string, ours: string, theirs: string): ParsedEvent => ({
  kind: 'message',
  accountAddresses: present([ours, filled(form, 'MessagingServiceSid')]),
  userId: theirs,
  threadId: null,
  eventKey: ['message', sid],
  providerMessageId: sid,
  // The webhook carries no time; arrival stands in for it.
  providerAt: null,
  content: contentOf(form, sid),
  profile: profileOf(theirs, filled(form, 'ProfileName')),
  opt: optOf(form, theirs),
})

const receiptOf = (form: Form, status: string, sid: string, correlation: Correlation | null): ParsedEvent[] => {
  const state = stateOf(status)
  const theirs = filled(form, 'To')
  // accepted, scheduled, queued, sending: the create's answer said as much.
  if (state === null || theirs === null) return []
  const code = codeOf(first(form, 'ErrorCode'))
  return [
    {
      kind: 'receipt',
      accountAddresses: present([filled(form, 'From'), filled(form, 'MessagingServiceSid')]),
      userId: theirs,
      threadId: null,
      eventKey: ['receipt', sid, status, code === null ? '' : String(code)],
      providerMessageId: sid,
      correlation,
      state,
      reason: state === 'failed' ? reasonOf(status, code) : null,
      providerCode: state === 'failed' ? code : null,
    },
  ]
}

const understood = (form: Form, events: readonly ParsedEvent[]): ParsedRequest => ({
  signer: filled(form, 'AccountSid'),
  events,
  faults: [],
  response: RESPONSE,
})

const faulty = (form: Form, fault: string): ParsedRequest => ({ ...understood(form, []), faults: [fault] })

/** Reads known names alone: names and values are signed without separators, so nothing may hang on where one ends. */
export const parse = ({ url, body }: InboundRequest): ParsedRequest => {
  const form = parseForm(body)
  const sid = filled(form, 'MessageSid') ?? filled(form, 'SmsSid')
  if (!isSid(sid)) return faulty(form, 'no MessageSid')
  const smsStatus = first(form, 'SmsStatus')
  const status = first(form, 'MessageStatus') ?? (smsStatus === 'received' || smsStatus === 'receiving' ? undefined : smsStatus)
  if (status !== undefined) {
    const correlation = correlationOf(url)
    if (filled(form, 'To') === null) return faulty(form, 'a status without To')
    return understood(form, receiptOf(form, status, sid, correlation))
  }
  const theirs = filled(form, 'From')
  const ours = filled(form, 'To')
  if (theirs === null || ours === null) return faulty(form, `a message without ${theirs === null ? 'From' : 'To'}`)
  return understood(form, [messageOf(form, sid, ours, theirs)])
}
