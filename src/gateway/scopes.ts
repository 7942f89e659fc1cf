// Who sees what: one pure function decides, live and on replay; scopes only choose among what it allows.
// Between what a record says of itself (routing) and what a session may and wants to have.

import { may, mayAccount, type Grants, type Permission, type Scope } from '#schemas'
import type { StoredRecord } from '#log'
import { decode, mark, settingRecords, subjectKindOf, type EventType, type Mark, type SettingKind } from '#schemas/log'
import { topicOf } from './cursor.ts'

/** What a record says of its audience, without its content. */
export interface Routing {
  readonly kind: 'conversation' | 'contact' | 'organization' | 'mark' | 'setting'
  readonly organizationId: string
  /** The conversation, contact, organization or setting it is about. */
  readonly subjectId: string
  /** The event's type; `mark`; the setting's kind. */
  readonly type: string
  readonly seq: number
  /** null = not shown to the contact. */
  readonly contactSeq: number | null
  /** Of its conversation or itself; undefined = none, or not known. */
  readonly accountId?: string
  /** Teams and assignees, before and after; `none` where nobody has or may have had it. */
  readonly teams: readonly string[]
  readonly assignees: readonly string[]
  /** Whose mark it is. */
  readonly agentId?: string
}

/** Who has a conversation after these: a subscriber of `none` needs them whatever the headers name. */
const audienceTypes = new Set<string>([
  'conversation.created',
  'conversation.opened',
  'conversation.held',
  'conversation.assigned',
  'conversation.snoozed',
  'conversation.resolved',
])

const words = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(' '))

const routingOfEvent = (record: StoredRecord): Routing | undefined => {
  const { type, organization, seq, contactSeq, account, team, assignee } = record.headers
  if (type === undefined || organization === undefined) return undefined
  const kind = subjectKindOf(type as EventType)
  if (kind === 'endpoint') return undefined
  const assignees = words(assignee)
  if (assignees.length === 0 || audienceTypes.has(type)) assignees.push('none')
  return {
    kind,
    organizationId: organization,
    subjectId: record.key.slice(0, record.key.indexOf('/')),
    type,
    seq: Number(seq),
    contactSeq: contactSeq === undefined ? null : Number(contactSeq),
    ...(account === undefined ? {} : { accountId: account }),
    teams: words(team),
    assignees,
  }
}

const routingOfMark = (record: StoredRecord): Routing | undefined => {
  if (record.value === null) return undefined
  const { organizationId, conversationId, accountId, agentId, rev }: Mark = decode(mark, record.value)
  return {
    kind: 'mark',
    organizationId,
    subjectId: conversationId,
    type: 'mark',
    seq: rev,
    contactSeq: null,
    accountId,
    teams: [],
    assignees: [],
    agentId,
  }
}

const routingOfSetting = (record: StoredRecord): Routing | undefined => {
  const [kind, id] = record.key.split('/') as [SettingKind, string]
  if (!(kind in settingRecords) || record.value === null) return undefined
  const { organizationId, rev } = decode(settingRecords[kind], record.value)
  const account = kind === 'account' ? { accountId: id } : {}
  return { kind: 'setting', organizationId, subjectId: id, type: kind, seq: rev, contactSeq: null, teams: [], assignees: [], ...account }
}

/**
 * undefined for records that no client is sent: rows that hold names, kinds of a newer version, tombstones.
 * Settings are removed by a record of their own, `setting.changed`; the state frame of a removal is made from that.
 */
export const routingOf = (stream: number, record: StoredRecord): Routing | undefined => {
  const topic = topicOf(stream)
  if (topic === 'marks') return routingOfMark(record)
  return topic === 'config' ? routingOfSetting(record) : routingOfEvent(record)
}

/** Settings that clients may be sent, and by which permission; no other kind has a case in the projection. */
export const settingPermissions: Readonly<Record<string, Permission>> = {
  organization: 'conversation.read',
  account: 'account.read',
  agent: 'agent.read',
  label: 'label.read',
}

const contactSees = (grants: Grants, routing: Routing): boolean => {
  if (grants.conversationId === undefined || routing.subjectId !== grants.conversationId) return false
  if (routing.kind === 'mark') return true
  // Two nets: the actor gives notes no contactSeq, and here they have no case.
  return routing.kind === 'conversation' && routing.contactSeq !== null && !routing.type.startsWith('note.')
}

/** Accounts of a contact or an organization are not known here: who is confined to accounts does not see them. */
const mayPlace = (grants: Grants, routing: Routing): boolean =>
  routing.accountId === undefined ? grants.accountIds === null : mayAccount(grants, routing.accountId)

/** Whether the principal may have the record at all. Permission of now; an account is a conversation's for life, so of then too. */
export const sees = (grants: Grants, routing: Routing): boolean => {
  if (grants.organizationId !== routing.organizationId) return false
  if (grants.kind === 'contact') return contactSees(grants, routing)
  switch (routing.kind) {
    case 'conversation':
      return may(grants, routing.type.startsWith('note.') ? 'note.read' : 'conversation.read') && mayPlace(grants, routing)
    case 'mark':
      return may(grants, 'conversation.read') && mayPlace(grants, routing)
    case 'contact':
      return may(grants, 'contact.read') && mayPlace(grants, routing)
    case 'organization':
      // Its events tell of every account: who is confined to some does not see them.
      return may(grants, 'audit.read') && grants.accountIds === null
    case 'setting': {
      const permission = settingPermissions[routing.type]
      return permission !== undefined && may(grants, permission) && (routing.type !== 'account' || mayPlace(grants, routing))
    }
  }
}

/** A scope as an index key; `me` is the principal itself, a contact's every scope is its conversation. */
export const keyOf = (scope: Scope, grants: Grants): string => {
  if (grants.kind === 'contact') return `conversation/${grants.conversationId ?? ''}`
  if ('all' in scope) return 'all'
  if ('account' in scope) return `account/${scope.account}`
  if ('team' in scope) return `team/${scope.team}`
  if ('assignee' in scope) return `assignee/${scope.assignee === 'me' ? grants.id : scope.assignee}`
  if ('conversation' in scope) return `conversation/${scope.conversation}`
  return `contact/${scope.contact}`
}

/** Key of every session: settings go to all of an organization. */
export const everyone = 'everyone'
export const principalKey = (id: string): string => `principal/${id}`

/** Keys of the index under which a record's audience stands. */
export const keysOf = (routing: Routing): readonly string[] => {
  if (routing.kind === 'setting') return [everyone]
  const keys = ['all']
  if (routing.kind === 'contact') keys.push(`contact/${routing.subjectId}`)
  else if (routing.kind !== 'organization') keys.push(`conversation/${routing.subjectId}`)
  if (routing.accountId !== undefined) keys.push(`account/${routing.accountId}`)
  for (const team of routing.teams) keys.push(`team/${team}`)
  for (const assignee of routing.assignees) keys.push(`assignee/${assignee}`)
  // One's own marks come whatever one looks at: drafts follow from tab to tab.
  if (routing.agentId !== undefined) keys.push(principalKey(routing.agentId))
  return keys
}
