// Revocation and changed permissions: what a record of `config` means for open sockets, in the turn it is applied.
// Between settings and sessions; no second control path, the log says who is still welcome.

import { agentRoles, type AgentRole } from '#schemas'
import type { Agent, Token } from '#schemas/log'
import type { Settings } from '#runtime'
import type { CloseReason } from './protocol.ts'
import type { Session } from './sessions/session.ts'

type SettingsChange = Parameters<Parameters<Settings['onChange']>[0]>[0]

/** Why the session must end because of the change; undefined = it need not. */
const endOf = ({ who, grants }: Session, change: SettingsChange): CloseReason | undefined => {
  const { kind, id, value } = change
  const isSource = who.source !== null && who.source.kind === kind && who.source.id === id
  if (kind === 'session') return isSource && value === null ? 'revoked' : undefined
  if (kind === 'token') return isSource ? endOfToken(grants, value as Token | null) : undefined
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
  grants.role === role || (source?.kind === 'token' && agentRoles.indexOf(grants.role as AgentRole) > agentRoles.indexOf(role))

const endOfToken = ({ accountIds }: Session['grants'], token: Token | null): CloseReason | undefined => {
  if (token === null) return 'revoked'
  const now = token.accountIds.toSorted().join(' ')
  return now === (accountIds ?? []).toSorted().join(' ') ? undefined : 'drain'
}

/** Ends sessions as settings change. Returns the unsubscribe function. */
export const watchRevocations = (settings: Pick<Settings, 'onChange'>, sessions: Iterable<Session>): (() => void) =>
  settings.onChange((change) => {
    for (const session of sessions) {
      if (session.grants.organizationId !== change.organizationId) continue
      const reason = endOf(session, change)
      if (reason !== undefined) session.end(reason)
    }
  })
