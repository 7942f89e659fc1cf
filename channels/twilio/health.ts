// Whether a Twilio account can send and its number calls us, in words.
// Between an account's health and two questions to the REST API.

import { listOf, objectOf, textOf } from '../json.ts'
import type { Answer, Finding, HealthCheck } from '../shape.ts'
import { get } from './render.ts'

const broken = (what: string): Finding => ({ isBroken: true, what })
const doubtful = (what: string): Finding => ({ isBroken: false, what })

const accountFindings = ({ status, body }: Answer): Finding[] => {
  if (status === 0 || status >= 500 || status === 429) return [doubtful('Twilio could not be asked.')]
  if (status === 401 || status === 403) return [broken('Twilio refuses the credentials.')]
  if (status !== 200) return [broken(`Twilio answered ${status}: is the account SID right?`)]
  const state = textOf(objectOf(body), 'status')
  return state === null || state === 'active' ? [] : [broken(`The Twilio account is ${state}.`)]
}

const withoutFragment = (url: string): string => url.split('#', 1)[0] ?? url

/** A number's own webhook; a Messaging Service's and WhatsApp's stand elsewhere and are not asked for. */
const numberFindings = (answer: Answer | undefined, ingestUrl: string | undefined): Finding[] => {
  if (answer?.status !== 200) return []
  const [number] = listOf(objectOf(answer.body), 'incoming_phone_numbers') ?? []
  if (number === undefined) return [broken('The number does not belong to this Twilio account.')]
  const smsUrl = textOf(number, 'sms_url')
  if (ingestUrl === undefined) return []
  if (smsUrl === null) {
    // A service takes the number's messages over, and the number's own webhook is empty then.
    return [doubtful('The number has no webhook of its own: messages come only if a Messaging Service has one.')]
  }
  if (withoutFragment(smsUrl) !== withoutFragment(ingestUrl))
    return [broken(`The number’s webhook calls ${withoutFragment(smsUrl)}, not the ingest URL.`)]
  return smsUrl.includes('#')
    ? []
    : [doubtful('The number’s webhook lacks the part behind #: a webhook that we refuse for a moment is not repeated.')]
}

export const health: HealthCheck = {
  requests(context) {
    const account = `${context.apiUrl}/2010-04-01/Accounts/${context.credentials['accountSid'] ?? ''}`
    const own = { name: 'account', request: get(`${account}.json`, context) }
    const { externalId } = context.account
    if (!externalId.startsWith('+')) return [own]
    const query = new URLSearchParams({ PhoneNumber: externalId }).toString()
    return [own, { name: 'number', request: get(`${account}/IncomingPhoneNumbers.json?${query}`, context) }]
  },
  findings(answers, context) {
    const found = accountFindings(answers['account'] ?? { status: 0, body: '' })
    return found.length > 0 ? found : numberFindings(answers['number'], context.ingestUrl)
  },
}
