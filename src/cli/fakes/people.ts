// Customers of a simulation, on any channel: their words as the provider would post them, signed with the account's own secrets.
// Between `confab simulate`, which says how many and how fast, and the signed webhooks.

import { randomBytes } from 'node:crypto'
import {
  pageEntries,
  pageText,
  signedByConnector,
  signedByMeta,
  signedByTwilio,
  whatsappChange,
  whatsappText,
  type SignedWebhook,
} from './webhooks.ts'

export const simulated = ['twilio', 'messenger', 'instagram', 'whatsapp', 'custom'] as const
export type Simulated = (typeof simulated)[number]

/** An account as it was made, with what the server never gives back. */
export interface SimulatedAccount {
  readonly channel: Simulated
  readonly externalId: string
  readonly ingestUrl: string
  readonly credentials: Readonly<Record<string, string>>
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex')
const digits = (length: number): string => Array.from(randomBytes(length), (byte) => String(byte % 10)).join('')

/** The body of POST /v1/accounts. */
export const newAccount = (channel: Simulated): { externalId: string; credentials?: Record<string, string> } => {
  switch (channel) {
    case 'twilio':
      return { externalId: '+15550199', credentials: { accountSid: `AC${hex(16)}`, authToken: hex(16) } }
    case 'custom':
      return { externalId: `simulator-${hex(4)}` }
    default:
      return {
        externalId: `9${digits(14)}`,
        credentials: { appId: `8${digits(14)}`, appSecret: hex(16), verifyToken: hex(8), accessToken: hex(16) },
      }
  }
}

const twilioText = ({ credentials, externalId, ingestUrl }: SimulatedAccount, from: string, text: string): SignedWebhook => {
  const sid = `SM${hex(16)}`
  const parameters: Record<string, string> = {
    AccountSid: credentials['accountSid'] ?? '',
    ApiVersion: '2010-04-01',
    Body: text,
    From: from,
    MessageSid: sid,
    NumMedia: '0',
    NumSegments: '1',
    SmsMessageSid: sid,
    SmsSid: sid,
    SmsStatus: 'received',
    To: externalId,
  }
  return signedByTwilio(parameters, { url: ingestUrl.replace(/#.*$/, ''), authToken: credentials['authToken'] ?? '' })
}

/** What the provider posts when customer number `person` says something. */
export const said = (account: SimulatedAccount, { person, text, at }: { person: number; text: string; at: number }): SignedWebhook => {
  const { channel, externalId, credentials } = account
  const number = 3_000_000 + person
  const secret = credentials['appSecret'] ?? ''
  switch (channel) {
    case 'twilio':
      return twilioText(account, `+1555${number}`, text)
    case 'whatsapp':
      return signedByMeta(
        whatsappChange(externalId, whatsappText({ from: `1555${number}`, id: `wamid.${hex(16)}`, text, at, name: `Customer ${person}` })),
        secret,
      )
    case 'messenger':
    case 'instagram': {
      const item = pageText({ accountId: externalId, from: `77${number}`, mid: `m_${hex(16)}`, text, at })
      return signedByMeta(pageEntries(channel === 'messenger' ? 'page' : 'instagram', externalId, [item], at), secret)
    }
    case 'custom': {
      const message = {
        id: hex(16),
        from: `customer-${person}`,
        at,
        content: { kind: 'text', text },
        contact: { name: `Customer ${person}` },
      }
      return signedByConnector({ messages: [message] }, { secret: credentials['secret'] ?? '', id: `msg_${hex(12)}`, at })
    }
  }
}
