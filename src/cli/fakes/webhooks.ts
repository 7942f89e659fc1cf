// What providers post to a webhook, genuinely signed: for fakes, for `confab simulate`, and for tests from outside.
// Between a fact in plain words and the bytes that ingest verifies; written after the providers' documents and not after our parsers.

import { createHmac } from 'node:crypto'

export interface SignedWebhook {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Meta writes every character beyond ASCII, and the slash, escaped, and signs that form. */
const escaped = (json: string): string =>
  json.replaceAll('/', '\\/').replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** X-Hub-Signature-256 over the body as it goes out. */
export const signedByMeta = (body: object, appSecret: string): SignedWebhook => {
  const text = escaped(JSON.stringify(body))
  const signature = `sha256=${createHmac('sha256', appSecret).update(text).digest('hex')}`
  return { headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature }, body: text }
}

/** Standard Webhooks, as a connector signs. `at` in milliseconds. */
export const signedByConnector = (body: object, { secret, id, at }: { secret: string; id: string; at: number }): SignedWebhook => {
  const text = JSON.stringify(body)
  const timestamp = String(Math.floor(at / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64')}`
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  return { headers: { 'content-type': 'application/json', ...headers }, body: text }
}

/** HMAC-SHA1 of the URL and the sorted parameters. */
export const signedByTwilio = (
  parameters: Readonly<Record<string, string>>,
  { url, authToken }: { url: string; authToken: string },
): SignedWebhook => {
  const signed = Object.keys(parameters)
    .toSorted()
    .reduce((text, name) => `${text}${name}${parameters[name] ?? ''}`, url)
  const signature = createHmac('sha1', authToken).update(signed).digest('base64')
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
    body: new URLSearchParams(parameters).toString(),
  }
}

type Item = Readonly<Record<string, unknown>>

/** Items of one Page or Instagram account: `object` is `page` or `instagram`. */
export const pageEntries = (object: 'page' | 'instagram', accountId: string, items: readonly Item[], at: number): object => ({
  object,
  entry: [{ id: accountId, time: at, messaging: items }],
})

/** One change of a WhatsApp number. */
export const whatsappChange = (numberId: string, value: Item, field = 'messages'): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: 'WABA',
      changes: [
        {
          field,
          value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '15550100', phone_number_id: numberId }, ...value },
        },
      ],
    },
  ],
})

/** A text from a person, in each dialect of Meta's. */
export const pageText = (said: { accountId: string; from: string; mid: string; text: string; at: number }): Item => ({
  sender: { id: said.from },
  recipient: { id: said.accountId },
  timestamp: said.at,
  message: { mid: said.mid, text: said.text },
})

export const whatsappText = (said: { from: string; id: string; text: string; at: number; name?: string; userId?: string }): Item => ({
  contacts: [{ profile: { name: said.name ?? 'Ada' }, wa_id: said.from, ...(said.userId === undefined ? {} : { user_id: said.userId }) }],
  messages: [
    {
      from: said.from,
      ...(said.userId === undefined ? {} : { from_user_id: said.userId }),
      id: said.id,
      timestamp: String(Math.floor(said.at / 1000)),
      type: 'text',
      text: { body: said.text },
    },
  ],
})
