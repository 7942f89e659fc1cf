// Agents: who they are, what they may do, and inviting another.
// Between an admin and /v1/agents.

import { useState, type ReactElement } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { useSlice } from '../state/hooks.ts'
import type { Agent } from '../state/model.ts'
import { Copyable, Entry, Field, Refusal, Select, SettingsForm } from './parts.tsx'
import { useSettings } from './use-settings.ts'

const roles = [
  ['agent', 'Agent: answers'],
  ['supervisor', 'Supervisor: may take over and see the audit'],
  ['admin', 'Admin: changes settings'],
  ['observer', 'Observer: reads along'],
] as const

interface Invited extends Agent {
  readonly signInUrl?: string
}

const InvitedCard = ({ invited }: { readonly invited: Invited }): ReactElement => (
  <div className="card" role="status">
    <h2>{invited.name} was added.</h2>
    {invited.signInUrl === undefined ? (
      <p>Tell them their password by a safe way.</p>
    ) : (
      <Copyable label="One-time sign-in link" value={invited.signInUrl} hint="It works once and is not shown again." />
    )}
  </div>
)

export const Agents = (): ReactElement => {
  const list = useSettings<Agent>('/v1/agents')
  const mayWrite = useSlice((state) => state.me.permissions.includes('agent.write'))
  const [invited, setInvited] = useState<Invited | null>(null)
  return (
    <>
      <ul className="entries">
        {list.items?.map(({ id, name, email, role, isActive }) => (
          <Entry key={id} mark={<Avatar id={id} name={name} size={2} />} name={name} detail={email} chip={role} isOff={!isActive} />
        ))}
      </ul>
      {invited === null ? null : <InvitedCard invited={invited} />}
      {mayWrite ? (
        <SettingsForm
          title="Invite someone"
          submit="Invite"
          list={list}
          onSubmit={async ({ name, email, role, password }) => {
            const agent = await list.write<Invited>('POST', '/v1/agents', { name, email, role, ...(password ? { password } : {}) })
            if (agent !== null) setInvited(agent)
            return agent !== null
          }}
        >
          <Field label="Name" name="name" required maxLength={100} autoComplete="off" />
          <Field label="E-mail" name="email" type="email" required autoComplete="off" />
          <Select label="Role" name="role" options={roles} />
          <Field
            label="Password"
            name="password"
            type="password"
            minLength={10}
            autoComplete="new-password"
            required
            hint="At least 10 characters."
          />
        </SettingsForm>
      ) : (
        <Refusal problem={list.problem} />
      )}
    </>
  )
}
