// Our message as Twilio's create request: POST Messages.json.
// Between the sender's content and address, and the bytes that leave.

import { plainText } from '../content.ts'
import type { Content, Credentials, Headers, ProviderContext, RenderContext, Rendering, RequestDescription } from '../shape.ts'
import { characters, splitBy } from '../split.ts'
import { capabilities, isWhatsapp, TEXT_LENGTH_MAX } from './capabilities.ts'

/** Basic credentials: the API key where there is one, else account and token. */
export const authorization = (credentials: Credentials): Headers => {
  const key = credentials['apiKeySid'] !== undefined && credentials['apiKeySecret'] !== undefined
  const pair = key
    ? `${credentials['apiKeySid']}:${credentials['apiKeySecret']}`
    : `${credentials['accountSid'] ?? ''}:${credentials['authToken'] ?? ''}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

export const messagesUrl = ({ apiUrl, credentials }: ProviderContext): string =>
  `${apiUrl}/2010-04-01/Accounts/${credentials['accountSid'] ?? ''}/Messages.json`

export const get = (url: string, context: ProviderContext): RequestDescription => ({
  method: 'GET',
  url,
  headers: { ...authorization(context.credentials), accept: 'application/json' },
  body: null,
})

type Sender = { readonly From: string } | { readonly MessagingServiceSid: string }

/** A messaging service where one is configured, else the number that the contact wrote to, else the account's own. */
export const senderOf = ({ account, address }: Pick<RenderContext, 'account' | 'address'>): Sender => {
  const service = account.options['messagingServiceSid'] ?? (account.externalId.startsWith('MG') ? account.externalId : undefined)
  if (service !== undefined && service !== '') return { MessagingServiceSid: service }
  return { From: address.accountAddress ?? account.externalId }
}

type Fields = readonly (readonly [string, string])[]
type Draft =
  | { readonly fields: Fields; readonly degraded: readonly string[] }
  | { readonly refusal: Extract<Rendering, { kind: 'refused' }> }

const refused = (reason: Extract<Rendering, { kind: 'refused' }>['reason'], detail: string): Draft => ({
  refusal: { kind: 'refused', reason, detail },
})
const drafted = (fields: Fields, degraded: readonly string[] = []): Draft => ({ fields, degraded })

const textOf = (text: string | null, degraded: readonly string[] = []): Draft => {
  if (text === null || text === '') return refused('content_refused', 'Twilio sends no empty text.')
  if (text.length > TEXT_LENGTH_MAX) return refused('content_refused', `The text is longer than ${TEXT_LENGTH_MAX} characters.`)
  return drafted([['Body', text]], degraded)
}

const mediaOf = (content: Content, context: RenderContext, ours: string): Draft => {
  const { attachmentsMax } = capabilities(ours)
  const urls = context.attachmentUrls
  if (urls.length === 0 || urls.length < content.attachments.length)
    return refused('content_refused', 'An attachment has no bytes to send.')
  if (urls.length > attachmentsMax) return refused('content_refused', `At most ${attachmentsMax} attachments fit into one message.`)
  const caption: Fields = content.text === null || content.text === '' ? [] : [['Body', content.text]]
  if ((content.text ?? '').length > TEXT_LENGTH_MAX)
    return refused('content_refused', `The text is longer than ${TEXT_LENGTH_MAX} characters.`)
  return drafted([...caption, ...urls.map((url) => ['MediaUrl', url] as const)])
}

const locationOf = (content: Content, ours: string): Draft => {
  const place = content.location
  if (place === null) return refused('content_refused', 'The location is missing.')
  const label = [place.name, place.address].filter((part) => part !== null && part !== '').join(', ')
  if (isWhatsapp(ours)) {
    const action = `geo:${place.latitude},${place.longitude}${label === '' ? '' : `|${label.replaceAll('|', ' ')}`}`
    return drafted([
      ['Body', content.text ?? (label === '' ? 'Location' : label)],
      ['PersistentAction', action],
    ])
  }
  const link = `https://maps.google.com/?q=${place.latitude},${place.longitude}`
  return textOf([content.text, label, link].filter((part) => part !== null && part !== '').join('\n'), ['location→text'])
}

const templateOf = (content: Content): Draft => {
  if (content.template === null) return refused('content_refused', 'The template is missing.')
  const variables = Object.fromEntries(content.template.parameters.map(({ name, value }) => [name, value]))
  const filledIn: Fields = content.template.parameters.length === 0 ? [] : [['ContentVariables', JSON.stringify(variables)]]
  return drafted([['ContentSid', content.template.name], ...filledIn])
}

/** The provider's own message object; recipient, sender and callback stay ours. */
const nativeOf = (content: Content): Draft => {
  let native: unknown
  try {
    native = JSON.parse(content.native ?? '')
  } catch {
    return refused('content_refused', 'The native part is no JSON.')
  }
  if (typeof native !== 'object' || native === null || Array.isArray(native))
    return refused('content_refused', 'The native part is no object.')
  const reserved = new Set(['To', 'From', 'MessagingServiceSid', 'StatusCallback'])
  const fields = Object.entries(native).filter(([name]) => !reserved.has(name))
  const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  return drafted(fields.flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((part) => [name, written(part)] as const)))
}

const draftOf = (content: Content, context: RenderContext, ours: string): Draft => {
  switch (content.kind) {
    case 'text':
      return textOf(content.text)
    case 'media':
      return mediaOf(content, context, ours)
    case 'location':
      return locationOf(content, ours)
    case 'answer':
      return textOf(content.answer?.text ?? content.text, ['answer→text'])
    case 'template':
      return templateOf(content)
    case 'native':
      return nativeOf(content)
    case 'choice':
      return textOf(plainText(content), ['options→text'])
    case 'cards':
      return textOf(plainText(content), ['cards→text'])
    case 'vcards':
      return textOf(plainText(content), ['vcards→text'])
    case 'order':
    case 'story':
    case 'unsupported':
      return refused('content_refused', 'This kind of message cannot be sent.')
  }
}

/** PROTOCOLS 4.4. The StatusCallback's query carries our ids. */
export const render = (content: Content, context: RenderContext): Rendering => {
  const draft = draftOf(content, context, context.address.accountAddress ?? context.account.externalId)
  if ('refusal' in draft) return draft.refusal
  if (context.isStrict === true && draft.degraded.length > 0)
    return { kind: 'refused', reason: 'content_refused', detail: `It would degrade: ${draft.degraded.join(', ')}.` }
  const form = new URLSearchParams({ To: context.address.userId, ...senderOf(context) })
  for (const [name, value] of draft.fields) form.append(name, value)
  if (context.callbackUrl !== null) form.append('StatusCallback', context.callbackUrl)
  const request: RequestDescription = {
    method: 'POST',
    url: messagesUrl(context),
    headers: { ...authorization(context.credentials), 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  }
  return draft.degraded.length === 0 ? { kind: 'exact', request } : { kind: 'degraded', degraded: draft.degraded, request }
}

/** Texts of any length and any number of files, in as many messages as Twilio needs for them. */
export const split = (content: Content, accountAddress: string): readonly Content[] =>
  splitBy(content, {
    textMax: TEXT_LENGTH_MAX,
    measure: characters,
    captionMax: TEXT_LENGTH_MAX,
    attachmentsMax: capabilities(accountAddress).attachmentsMax,
    cardsMax: 10,
    questionMax: TEXT_LENGTH_MAX,
  })
