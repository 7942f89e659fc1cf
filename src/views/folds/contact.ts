// The fold of a contact: identities, profile, labels, blocks, as the contact's own events tell.
// Between `contact-events` (JSON, contents filled in) and contact rows on server and client.

import type { Contact, EventShape } from '#schemas'

type Identity = Contact['identities'][number]

interface Profile {
  readonly name: string | null
  readonly emails: readonly string[]
  readonly phones: readonly string[]
  readonly avatar: string | null
  readonly locale: string | null
  readonly timezone: string | null
  readonly company: string | null
  readonly userId: string | null
}

interface Data {
  readonly accountId?: string
  readonly channel?: Identity['channel']
  readonly conversationId?: string
  readonly profile?: Profile
  readonly attributes?: Record<string, string>
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
}

const withoutPerson = { name: null, avatar: null, emails: [], phones: [], attributes: {}, locale: null, timezone: null, company: null }

const unborn = (event: EventShape): Contact => ({
  id: event.subject.id,
  organizationId: event.organizationId,
  ...withoutPerson,
  identities: [],
  labels: [],
  isBlocked: false,
  isErased: false,
  createdAt: event.at,
  seq: 0,
})

const withProfile = (row: Contact, { profile }: Data): Contact => {
  if (profile === undefined) return row
  const { name, avatar, emails, phones, locale, timezone, company } = profile
  return { ...row, name, avatar, emails: [...emails], phones: [...phones], locale, timezone, company }
}

const joined = (row: Contact, { accountId, channel, conversationId, profile }: Data): Contact => {
  if (accountId === undefined || channel === undefined || conversationId === undefined) return row
  const before = row.identities.find((identity) => identity.conversationId === conversationId)
  const identity: Identity = {
    accountId,
    channel,
    conversationId,
    userId: profile?.userId ?? before?.userId ?? null,
    optedOut: before?.optedOut ?? false,
  }
  return {
    ...row,
    identities: before === undefined ? [...row.identities, identity] : row.identities.map((each) => (each === before ? identity : each)),
  }
}

/** A changed profile may bring the provider's user id of a contact with one identity. */
const withUserId = (row: Contact, { profile }: Data): Contact => {
  const only = row.identities[0]
  const userId = profile?.userId ?? null
  if (only === undefined || row.identities.length > 1 || userId === null || only.userId === userId) return row
  return { ...row, identities: [{ ...only, userId }] }
}

const opted = (row: Contact, accountId: string | undefined, optedOut: boolean): Contact => ({
  ...row,
  identities: row.identities.map((identity) => (identity.accountId === accountId ? { ...identity, optedOut } : identity)),
})

const erased = (row: Contact): Contact => ({
  ...row,
  ...withoutPerson,
  identities: row.identities.map((identity) => ({ ...identity, userId: null })),
  isErased: true,
})

const labeled = (row: Contact, { added = [], removed = [] }: Data): Contact => ({
  ...row,
  labels: [...row.labels.filter((label) => !removed.includes(label) && !added.includes(label)), ...added],
})

const step = (row: Contact, event: EventShape): Contact => {
  const data = event.data as Data
  switch (event.type) {
    case 'contact.created':
      return withProfile(joined(row, data), data)
    case 'contact.joined':
      // One who writes again after an erasure starts empty.
      return { ...withProfile(joined(row, data), data), isErased: false }
    case 'contact.changed':
      return { ...withUserId(withProfile(row, data), data), isErased: false }
    case 'contact.attributed':
      return { ...row, attributes: data.attributes ?? {} }
    case 'contact.labeled':
      return labeled(row, data)
    case 'contact.blocked':
      return { ...row, isBlocked: true }
    case 'contact.unblocked':
      return { ...row, isBlocked: false }
    case 'contact.opted-out':
      return opted(row, data.accountId, true)
    case 'contact.opted-in':
      return opted(row, data.accountId, false)
    case 'contact.erased':
      return erased(row)
    default:
      return row
  }
}

/** The contact after one of its events; an event that the row has seen changes nothing, null for other subjects' events of none. */
export const foldContact = (row: Contact | null, event: EventShape): Contact | null => {
  if (event.subject.kind !== 'contact' || (row !== null && (row.id !== event.subject.id || event.seq <= row.seq))) return row
  if (row === null && event.type !== 'contact.created') return null
  return { ...step(row ?? unborn(event), event), seq: event.seq }
}
