// The one table of roles and permissions.
// HTTP, sockets, replay, search and actors all ask it; nothing else decides who may.

/** People's roles, then tokens' roles. */
export const agentRoles = ['owner', 'admin', 'supervisor', 'agent', 'observer'] as const
export const tokenRoles = ['bot', 'integration'] as const
export type AgentRole = (typeof agentRoles)[number]
export type Role = AgentRole | (typeof tokenRoles)[number] | 'contact'

const staff: readonly Role[] = ['owner', 'admin', 'supervisor', 'agent']
const seniors: readonly Role[] = ['owner', 'admin', 'supervisor']
const admins: readonly Role[] = ['owner', 'admin']
const readers: readonly Role[] = [...staff, 'observer', 'bot', 'integration']

/** permission → roles that have it. */
export const permissions = {
  'conversation.read': readers,
  'conversation.start': [...staff, 'integration'],
  'conversation.claim': staff,
  'conversation.assign': [...seniors, 'agent', 'integration'],
  /** Offer, pass on, accept, let go: what one has oneself, or is offered. */
  'conversation.handover': [...staff, 'bot', 'integration'],
  /** snooze, resolve, reopen, label, priority, attributes. */
  'conversation.change': [...staff, 'bot', 'integration'],
  'conversation.erase': admins,
  'message.send': [...staff, 'bot', 'integration'],
  /** Into a conversation that another agent has, with override. */
  'conversation.reply-any': [...seniors, 'integration'],
  'message.settle': staff,
  'note.read': [...staff, 'observer', 'integration'],
  'note.write': [...staff, 'integration'],
  'contact.read': readers,
  'contact.change': [...staff, 'integration'],
  'contact.block': seniors,
  'contact.erase': admins,
  'audit.read': seniors,
  'account.read': readers,
  'account.write': admins,
  'agent.read': readers,
  'agent.write': admins,
  'label.read': readers,
  'label.write': seniors,
  'token.read': admins,
  'token.write': admins,
  /** See, replay and discard what could not be processed. */
  'dead-letter.write': admins,
  'organization.write': ['owner'],
  'events.subscribe': readers,
  search: readers,
  'marks.write': staff,
} as const satisfies Record<string, readonly Role[]>

export type Permission = keyof typeof permissions

export const roleMay = (role: Role, permission: Permission): boolean => (permissions[permission] as readonly Role[]).includes(role)

export const permissionsOf = (role: Role): Permission[] =>
  (Object.keys(permissions) as Permission[]).filter((permission) => roleMay(role, permission))

/** Who asks, as the edge has proved it. */
export interface Grants {
  readonly organizationId: string
  readonly kind: 'agent' | 'bot' | 'token' | 'contact'
  readonly id: string
  readonly role: Role
  /** Accounts it may see; null = all of the organization. */
  readonly accountIds: readonly string[] | null
  /** A contact's only conversation. */
  readonly conversationId?: string
  /** A web-chat visitor's own id, their provider user id. */
  readonly visitorId?: string
}

export const mayAccount = (grants: Grants, accountId: string): boolean =>
  grants.accountIds === null || grants.accountIds.includes(accountId)
export const may = (grants: Grants, permission: Permission): boolean => roleMay(grants.role, permission)
