// Whether Meta's app calls us at all: its webhook's address, state and fields, asked with the app's own token.
// Between an account's health and GET /{app-id}/subscriptions, which neither page nor number can answer.

import { listOf, objectOf, textOf, type JsonObject } from '../json.ts'
import type { AccountContext, Answer, Finding, RequestDescription } from '../shape.ts'
import { graphGet, refusalWords } from './graph.ts'

export const webhookRequest = (context: AccountContext): RequestDescription => {
  const { appId = '', appSecret = '' } = context.credentials
  const request = graphGet(context, `/${encodeURIComponent(appId)}/subscriptions`)
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${appId}|${appSecret}` } }
}

const broken = (what: string): Finding => ({ isBroken: true, what })

const fieldsOf = (subscription: JsonObject): string[] => {
  const fields = subscription['fields']
  if (!Array.isArray(fields)) return []
  return fields.flatMap((field: unknown) => (typeof field === 'string' ? [field] : [textOf(field as JsonObject, 'name') ?? '']))
}

/** `object` as the dashboard names it; `needed`: fields without which nothing comes. */
export const webhookFindings = (
  answer: Answer | undefined,
  { object, needed, ingestUrl }: { object: string; needed: readonly string[]; ingestUrl: string | undefined },
): Finding[] => {
  if (answer === undefined) return []
  const refusal = refusalWords(answer)
  if (refusal !== null) return [{ isBroken: false, what: `The app’s webhook is not known (is the app secret right?): ${refusal}` }]
  const subscription = (listOf(objectOf(answer.body), 'data') ?? []).find((each) => textOf(each, 'object') === object)
  if (subscription === undefined) return [broken(`The app has no webhook for ${object}: enter the ingest URL in its dashboard.`)]
  if (subscription['active'] === false) return [broken(`The app’s webhook for ${object} is switched off.`)]
  const callback = textOf(subscription, 'callback_url')
  if (ingestUrl !== undefined && callback !== null && callback !== ingestUrl)
    return [broken(`The app’s webhook for ${object} calls ${callback}, not the ingest URL.`)]
  const gone = needed.filter((field) => !fieldsOf(subscription).includes(field))
  return gone.length === 0 ? [] : [broken(`The app’s webhook for ${object} lacks ${gone.join(', ')}.`)]
}
