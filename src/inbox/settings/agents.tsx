// Agents: who they are, what they may do, and inviting another.
// Between an admin and /v1/agents.

import { useState, type ReactElement } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import type { Agent } from '../state/model.ts'
import { Copyable, Field, Refusal, valuesOf } from './parts.tsx'
import { useSettings, type SettingsList } from './use-settings.ts'

const roles = [
  ['agent', 'Agent: answers'],
  ['supervisor', 'Supervisor: may take over and see the audit'],
  ['admin', 'Admin: changes settings'],
  ['observer', 'Observer: reads along'],
] as const

interface Invited extends Agent {
  readonly signInUrl?: string
}

const AgentRow = ({ agent }: { readonly agent: Agent }): ReactElement => (
  <li className="entry">
    <Avatar id={agent.id} name={agent.name} size={2} />
    <span className="entry__text">
      <strong>{agent.name}</strong>
      <span>{agent.email}</span>
    </span>
    <span className="chip">{agent.role}</span>
    {agent.isActive ? null : <span className="state">off</span>}
  </li>
)

const InviteForm = ({
  list,
  onSubmit,
}: {
  readonly list: SettingsList<Agent>
  readonly onSubmit: (form: HTMLFormElement) => void
}): ReactElement => (
  <form
    className="card form form--wide"
    onSubmit={(event) => {
      event.preventDefault()
      onSubmit(event.currentTarget)
    }}
  >
    <h2>Invite someone</h2>
    <Refusal problem={list.problem} />
    <Field label="Name" name="name" required maxLength={100} autoComplete="off" />
    <Field label="E-mail" name="email" type="email" required autoComplete="off" />
    <label className="field">
      <span className="field__label">Role</span>
      <select className="input" name="role" defaultValue="agent">
        {roles.map(([role, words]) => (
          <option key={role} value={role}>
            {words}
          </option>
        ))}
      </select>
    </label>
    <Field
      label="Password"
      name="password"
      type="password"
      minLength={10}
      autoComplete="new-password"
      required
      hint="At least 10 characters."
    />
    <div className="form__end">
      <button type="submit" className="button button--primary" disabled={list.isBusy}>
        <Icon name="plus" /> Invite
      </button>
    </div>
  </form>
)

export const Agents = (): ReactElement => {
  const list = useSettings<Agent>('/v1/agents')
  const mayWrite = useSlice((state) => state.me.permissions.includes('agent.write'))
  const [invited, setInvited] = useState<Invited | null>(null)

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const { name, email, role, password } = valuesOf(form)
    const agent = await list.write<Invited>('POST', '/v1/agents', { name, email, role, ...(password ? { password } : {}) })
    if (agent === null) return
    setInvited(agent)
    form.reset()
  }

  return (
    <>
      <ul className="entries">
        {list.items?.map((agent) => (
          <AgentRow key={agent.id} agent={agent} />
        ))}
      </ul>
      {invited === null ? null : (
        <div className="card" role="status">
          <h2>{invited.name} was added.</h2>
          {invited.signInUrl === undefined ? (
            <p>Tell them their password by a safe way.</p>
          ) : (
            <Copyable label="One-time sign-in link" value={invited.signInUrl} hint="It works once and is not shown again." />
          )}
        </div>
      )}
      {mayWrite ? (
        <InviteForm list={list} onSubmit={(form) => void submit(form).catch(() => undefined)} />
      ) : (
        <Refusal problem={list.problem} />
      )}
    </>
  )
}
