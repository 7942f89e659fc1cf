// Revocation and changed permissions: what a record of `config` means for open sockets, in the turn it is applied.
// Between settings and sessions; no second control path, the log says who is still welcome.

import { agentRoles, type AgentRole } from '#schemas'
import type { Agent, SettingValue, Token } from '#schemas/log'
import type { Settings } from '#runtime'
import type { CloseReason } from './protocol.ts'
import type { Session } from './sessions/session.ts'

type SettingsChange = Parameters<Parameters<Settings['onChange']>[0]>[0]

type Known = Pick<Settings, 'agent' | 'onChange'>

/** Why the session must end because of the change; undefined = it need not. */
const endOf = (settings: Known, session: Session, change: SettingsChange): CloseReason | undefined => {
  const { who, grants } = session
  const { kind, id, value } = change
  const isSource = who.source !== null && who.source.kind === kind && who.source.id === id
  if ((kind === 'session' || kind === 'token') && isSource) {
    if (value === null) return 'revoked'
    // It may end sooner than it did: the session's own tick ends it then, at the latest a second late.
    session.sourceEndsAt = (value as SettingValue['session' | 'token']).expiresAt
    return kind === 'token' ? endOfToken(settings, grants, value as Token) : undefined
  }
  if (kind === 'agent' && grants.kind === 'agent' && grants.id === id) {
    const agent = value as Agent | null
    if (agent === null || !agent.isActive) return 'revoked'
    // Come back: the new grants are other ones, and what is shown is taken up anew.
    return isRoleKept(who, agent.role) ? undefined : 'drain'
  }
  if (kind === 'account' && grants.kind === 'contact' && grants.accountIds?.includes(id) === true) {
    return value === null || !(value as { isActive: boolean }).isActive ? 'revoked' : undefined
  }
  return undefined
}

/** An agent's token may be weaker than its agent, and stays so; it is never stronger. */
const isRoleKept = ({ grants, source }: Session['who'], role: AgentRole): boolean =>
  grants.role === role || (source?.kind === 'token' && isLess(grants.role, role))

const isLess = (one: string, other: string): boolean => agentRoles.indexOf(one as AgentRole) > agentRoles.indexOf(other as AgentRole)

const endOfToken = (settings: Known, { kind, id, role, accountIds }: Session['grants'], token: Token): CloseReason | undefined => {
  const agentRole = kind === 'agent' ? settings.agent(id)?.role : undefined
  const roleNow = agentRole !== undefined && isLess(agentRole, token.role) ? agentRole : token.role
  const now = token.accountIds.toSorted().join(' ')
  return roleNow === role && now === (accountIds ?? []).toSorted().join(' ') ? undefined : 'drain'
}

/** Ends sessions as settings change. Returns the unsubscribe function. */
export const watchRevocations = (settings: Known, sessions: Iterable<Session>): (() => void) =>
  settings.onChange((change) => {
    for (const session of sessions) {
      if (session.grants.organizationId !== change.organizationId) continue
      const reason = endOf(settings, session, change)
      if (reason !== undefined) session.end(reason)
    }
  })
