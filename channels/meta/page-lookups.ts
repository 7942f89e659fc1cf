// What a Page or Instagram account is asked beside sending: who somebody is, whether the whole path stands, and to call us.
// Between profiles, health and connecting, which make the requests, and the Graph API.

import { blankProfile } from '../content.ts'
import { idOf, listOf, objectOf, textOf } from '../json.ts'
import type { AccountContext, Answer, Finding, HealthCheck, ProfileLookup, ProfileResult, Subscription } from '../shape.ts'
import { webhookFindings, webhookRequest } from './app-health.ts'
import { graphErrorOf, graphGet, graphPost, refusalWords } from './graph.ts'

/** No profile for this person and token: no permission yet, a person who is gone, a feature that is missing (PROTOCOLS 1.8). */
const NO_PROFILE = new Set([3, 10, 100, 230])

const profileRefusal = ({ status, body }: Answer): ProfileResult => {
  const error = graphErrorOf(body)
  if (error?.code === 190 || error?.code === 102) return { kind: 'credentials-refused' }
  if (error !== null && status < 500 && (NO_PROFILE.has(error.code) || (error.code >= 200 && error.code < 300))) return { kind: 'none' }
  return { kind: 'again' }
}

export const pageProfile = (fields: string, context: (context: AccountContext) => AccountContext): ProfileLookup => ({
  request: (userId, given) => graphGet(context(given), `/${encodeURIComponent(userId)}`, { fields }),
  parse(answer, userId) {
    const person = answer.status === 200 ? objectOf(answer.body) : undefined
    if (person === undefined) return answer.status === 200 ? { kind: 'again' } : profileRefusal(answer)
    const [first, last] = [textOf(person, 'first_name'), textOf(person, 'last_name')]
    const full = [first, last].filter((part) => part !== null).join(' ')
    const handle = textOf(person, 'username')
    const name = textOf(person, 'name') ?? (full === '' ? null : full) ?? (handle === null ? null : `@${handle}`)
    const avatarUrl = textOf(person, 'profile_pic')
    if (name === null && avatarUrl === null) return { kind: 'none' }
    return { kind: 'found', profile: blankProfile(userId, { name, avatarUrl, locale: textOf(person, 'locale') }) }
  },
})

const broken = (what: string): Finding => ({ isBroken: true, what })
const doubtful = (what: string): Finding => ({ isBroken: false, what })

export interface PageSubscription {
  /** Fields without which messages do not come. */
  readonly needed: readonly string[]
  readonly wanted: readonly string[]
}

const subscribedFindings = (answer: Answer | undefined, { needed, wanted }: PageSubscription, appId: string | undefined): Finding[] => {
  const refusal = answer === undefined ? null : refusalWords(answer)
  if (answer === undefined || refusal !== null) return [doubtful(`Whether the app is subscribed is not known: ${refusal ?? 'not asked'}`)]
  const apps = listOf(objectOf(answer.body), 'data') ?? []
  const app = appId === undefined ? apps[0] : apps.find((each) => idOf(each, 'id') === appId)
  if (app === undefined) return [broken('The app is not subscribed to this account: no webhook will come. Connect it again.')]
  const listed = app['subscribed_fields']
  if (!Array.isArray(listed)) return []
  const isMissing = (field: string): boolean => !listed.includes(field)
  const gone = needed.filter(isMissing)
  if (gone.length > 0) return [broken(`The app is subscribed without ${gone.join(', ')}: messages will not come.`)]
  const absent = wanted.filter(isMissing)
  return absent.length === 0 ? [] : [doubtful(`The app is subscribed without ${absent.join(', ')}.`)]
}

export interface PageAccount {
  /** The account that the token speaks for, and how its answer names it. */
  readonly self: { readonly path: string; readonly fields: string; idIn(body: string): string | null; readonly word: string }
  readonly subscription: PageSubscription
  readonly path: string
  /** The app's webhook as its dashboard names it; null = its app cannot be asked. */
  readonly object: string | null
}

/** Token, identity and subscription: everything between a person's message and our ingest that Meta tells of. */
export const pageHealth = (
  accountOf: (context: AccountContext) => PageAccount,
  context: (context: AccountContext) => AccountContext,
): HealthCheck => ({
  requests(given) {
    const own = context(given)
    const { self, path, object } = accountOf(own)
    return [
      { name: 'self', request: graphGet(own, self.path, { fields: self.fields }) },
      { name: 'subscription', request: graphGet(own, `${path}/subscribed_apps`) },
      ...(object === null ? [] : [{ name: 'webhook', request: webhookRequest(own) }]),
    ]
  },
  findings(answers, given) {
    const own = context(given)
    const { self, subscription, object } = accountOf(own)
    const answer = answers['self'] ?? { status: 0, body: '' }
    const refusal = refusalWords(answer)
    if (refusal !== null) return [answer.status === 0 || answer.status >= 500 ? doubtful(refusal) : broken(refusal)]
    const id = self.idIn(answer.body)
    const isOther = id !== null && id !== own.account.externalId
    const identity = isOther ? [broken(`The access token belongs to another ${self.word}: its id is ${id}.`)] : []
    const expected = { object: object ?? '', needed: subscription.needed, ingestUrl: own.ingestUrl }
    return [
      ...identity,
      ...subscribedFindings(answers['subscription'], subscription, own.credentials['appId']),
      ...(object === null ? [] : webhookFindings(answers['webhook'], expected)),
    ]
  },
})

export const pageSubscription = (
  accountOf: (context: AccountContext) => PageAccount,
  context: (context: AccountContext) => AccountContext,
): Subscription => ({
  subscribe(given) {
    const own = context(given)
    const { path, subscription } = accountOf(own)
    const fields = [...subscription.needed, ...subscription.wanted].join(',')
    return [graphPost(own, `${path}/subscribed_apps`, { query: { subscribed_fields: fields } })]
  },
  unsubscribe(given) {
    const own = context(given)
    return [graphPost(own, `${accountOf(own).path}/subscribed_apps`, { method: 'DELETE' })]
  },
  failure: refusalWords,
})
