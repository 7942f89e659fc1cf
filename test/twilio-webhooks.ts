// Genuinely signed Twilio webhooks in bulk, ready to write on a socket; for fault tests and benchmarks.
// Signs like the provider does (HMAC-SHA1 over URL and sorted parameters); the `twilio` package judges it in test/channels.

import { createHmac } from 'node:crypto'

export interface TwilioAccount {
  readonly accountSid: string
  readonly authToken: string
  /** Our number. */
  readonly number: string
  /** Path and query of the ingest URL. */
  readonly path: string
  readonly publicUrl: string
}

export interface InboundText {
  readonly sid: string
  readonly from: string
  readonly text: string
}

export const signTwilio = (authToken: string, url: string, parameters: Readonly<Record<string, string>>): string => {
  const names = Object.keys(parameters).sort()
  const text = names.reduce((all, name) => `${all}${name}${parameters[name]}`, url)
  return createHmac('sha1', authToken).update(text).digest('base64')
}

/** MessageSid of the n-th message of a run: SM and 32 hex digits. */
export const messageSid = (run: number, n: number): string => `SM${run.toString(16).padStart(8, '0')}${n.toString(16).padStart(24, '0')}`

export const inboundParameters = (account: TwilioAccount, message: InboundText): Record<string, string> => ({
  ToCountry: 'US',
  MessageSid: message.sid,
  SmsMessageSid: message.sid,
  SmsSid: message.sid,
  AccountSid: account.accountSid,
  ApiVersion: '2010-04-01',
  From: message.from,
  To: account.number,
  Body: message.text,
  NumMedia: '0',
  NumSegments: '1',
  SmsStatus: 'received',
  FromCountry: 'US',
})

/** The whole HTTP/1.1 request, signed. */
export const signedRequest = (account: TwilioAccount, message: InboundText): Buffer => {
  const parameters = inboundParameters(account, message)
  const body = new URLSearchParams(parameters).toString()
  const signature = signTwilio(account.authToken, `${account.publicUrl}${account.path}`, parameters)
  const head = [
    `POST ${account.path} HTTP/1.1`,
    'Host: confab.test',
    'Content-Type: application/x-www-form-urlencoded; charset=utf-8',
    `X-Twilio-Signature: ${signature}`,
    'User-Agent: TwilioProxy/1.1',
    `I-Twilio-Idempotency-Token: ${message.sid}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** What a test account needs; the number and SIDs are the provider's published test values' form. */
export const testAccount = (path: string, publicUrl: string): TwilioAccount => ({
  accountSid: `AC${'a1'.repeat(16)}`,
  authToken: '0123456789abcdef0123456789abcdef',
  number: '+15550100',
  path,
  publicUrl,
})
