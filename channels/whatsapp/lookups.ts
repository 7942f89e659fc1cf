// What a WhatsApp number is asked beside sending: where a file lies, whether the whole path stands, and to call us.
// Between media, health and connecting, which make the requests, and the Graph API (PROTOCOLS 3.3, 3.5).

import { idOf, inner, listOf, numberOf, objectOf, textOf } from '../json.ts'
import { webhookFindings, webhookRequest } from '../meta/app-health.ts'
import { graphGet, graphPost, isMetaMediaHost, refusalWords } from '../meta/graph.ts'
import type { AccountContext, Answer, Finding, HealthCheck, MediaLocator, Subscription } from '../shape.ts'
import { MEDIA_SCHEME } from './content.ts'

const sha256 = (text: string | null): string | null => {
  if (text === null) return null
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : null
}

/** Two steps: the id is asked for an address that lives five minutes, which is fetched with the same token. */
export const media: MediaLocator = {
  request: (sourceUrl, context) =>
    sourceUrl.startsWith(MEDIA_SCHEME)
      ? graphGet(context, `/${encodeURIComponent(sourceUrl.slice(MEDIA_SCHEME.length))}`, { phone_number_id: context.account.externalId })
      : null,
  parse({ status, body }, context) {
    const answer = status === 200 ? objectOf(body) : undefined
    const url = textOf(answer, 'url')
    const parsed = url === null ? null : URL.parse(url)
    // Only Meta's own hosts, and the API as it is configured, may see the token that goes along.
    const isMetas = parsed?.protocol === 'https:' && isMetaMediaHost(parsed.hostname)
    const isOfApi = parsed !== null && context !== undefined && parsed.origin === URL.parse(context.apiUrl)?.origin
    if (url === null || !(isMetas || isOfApi)) return null
    return {
      url,
      contentType: textOf(answer, 'mime_type'),
      sizeBytes: numberOf(answer, 'file_size'),
      sha256: sha256(textOf(answer, 'sha256')),
    }
  },
}

const wabaPath = ({ account }: AccountContext): string => `/${encodeURIComponent(account.options['wabaId'] ?? '')}`

const numberFindings = (answer: Answer, { account }: AccountContext): Finding[] => {
  const refusal = refusalWords(answer)
  if (refusal !== null) return [{ isBroken: answer.status !== 0 && answer.status < 500, what: refusal }]
  const number = objectOf(answer.body)
  const findings: Finding[] = []
  const id = idOf(number, 'id')
  if (id !== account.externalId) findings.push({ isBroken: true, what: `The number's id is ${id ?? 'unknown'}, not the account's.` })
  const status = textOf(number, 'status')
  if (status !== null && status !== 'CONNECTED')
    findings.push({ isBroken: true, what: `The number is ${status}: register it with the Cloud API.` })
  const quality = textOf(number, 'quality_rating')
  if (quality === 'RED') findings.push({ isBroken: false, what: 'The number’s quality is RED: Meta may lower its limit.' })
  return findings
}

const appFindings = (answer: Answer, appId: string | undefined): Finding[] => {
  const refusal = refusalWords(answer)
  if (refusal !== null) return [{ isBroken: false, what: `Whether the app is subscribed is not known: ${refusal}` }]
  const apps = listOf(objectOf(answer.body), 'data') ?? []
  const isSubscribed = apps.some((app) => appId === undefined || idOf(inner(app, 'whatsapp_business_api_data'), 'id') === appId)
  return isSubscribed ? [] : [{ isBroken: true, what: 'The app is not subscribed to the WhatsApp Business Account: no webhook will come.' }]
}

const NO_ANSWER: Answer = { status: 0, body: '' }

export const health: HealthCheck = {
  requests(context) {
    const fields = 'id,display_phone_number,verified_name,status,quality_rating'
    const number = { name: 'number', request: graphGet(context, `/${encodeURIComponent(context.account.externalId)}`, { fields }) }
    const webhook = { name: 'webhook', request: webhookRequest(context) }
    if (context.account.options['wabaId'] === undefined) return [number, webhook]
    return [number, webhook, { name: 'subscription', request: graphGet(context, `${wabaPath(context)}/subscribed_apps`) }]
  },
  findings(answers, context) {
    const expected = { object: 'whatsapp_business_account', needed: ['messages'], ingestUrl: context.ingestUrl }
    const found = [...numberFindings(answers['number'] ?? NO_ANSWER, context), ...webhookFindings(answers['webhook'], expected)]
    if (context.account.options['wabaId'] === undefined)
      return [...found, { isBroken: false, what: 'Without the option wabaId neither subscription nor templates can be asked for.' }]
    return [...found, ...appFindings(answers['subscription'] ?? NO_ANSWER, context.credentials['appId'])]
  },
}

export const subscription: Subscription = {
  subscribe: (context) => [graphPost(context, `${wabaPath(context)}/subscribed_apps`, {})],
  unsubscribe: (context) => [graphPost(context, `${wabaPath(context)}/subscribed_apps`, { method: 'DELETE' })],
  failure: refusalWords,
}
