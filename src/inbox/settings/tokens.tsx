// Tokens: keys for bots and integrations, each shown once, each removable at once.
// Between an admin and /v1/tokens.

import { useState, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import { Copyable, Entry, Field, Refusal, Select, SettingsForm } from './parts.tsx'
import { useSettings } from './use-settings.ts'

interface TokenItem {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly token?: string
}

const uses = [
  ['integration', 'An integration: reads and writes'],
  ['bot', 'A bot: answers'],
] as const

export const Tokens = (): ReactElement => {
  const list = useSettings<TokenItem>('/v1/tokens')
  const mayWrite = useSlice((state) => state.me.permissions.includes('token.write'))
  const [made, setMade] = useState<TokenItem | null>(null)
  return (
    <>
      <ul className="entries">
        {list.items?.map(({ id, name, role }) => (
          <Entry
            key={id}
            mark={<Icon name={role === 'bot' ? 'bot' : 'bolt'} />}
            name={name}
            chip={role}
            action={mayWrite ? { word: 'Revoke', isDanger: true, onSelect: () => list.write('DELETE', `/v1/tokens/${id}`) } : null}
          />
        ))}
      </ul>
      {made?.token === undefined ? null : (
        <div className="card" role="status">
          <Copyable label={`Token of ${made.name}`} value={made.token} hint="Copy it now: it is not shown again." />
        </div>
      )}
      {mayWrite ? (
        <SettingsForm
          title="New token"
          submit="Make"
          list={list}
          onSubmit={async ({ name, role }) => {
            const token = await list.write<TokenItem>('POST', '/v1/tokens', { name, role })
            if (token !== null) setMade(token)
            return token !== null
          }}
        >
          <Field label="Name" name="name" required maxLength={100} autoComplete="off" placeholder="Order notices" />
          <Select label="For" name="role" options={uses} />
        </SettingsForm>
      ) : (
        <Refusal problem={list.problem} />
      )}
    </>
  )
}
