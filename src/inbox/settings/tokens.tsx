// Tokens: keys for bots and integrations, each shown once, each removable at once.
// Between an admin and /v1/tokens.

import { useState, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import { Copyable, Field, Refusal, valuesOf } from './parts.tsx'
import { useSettings } from './use-settings.ts'

interface TokenItem {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly token?: string
}

const TokenRow = ({ token, onRevoke }: { readonly token: TokenItem; readonly onRevoke: (() => void) | null }): ReactElement => (
  <li className="entry">
    <Icon name={token.role === 'bot' ? 'bot' : 'bolt'} />
    <span className="entry__text">
      <strong>{token.name}</strong>
    </span>
    <span className="chip">{token.role}</span>
    {onRevoke === null ? null : (
      <button type="button" className="button button--quiet button--small button--danger" onClick={onRevoke}>
        Revoke
      </button>
    )}
  </li>
)

export const Tokens = (): ReactElement => {
  const list = useSettings<TokenItem>('/v1/tokens')
  const mayWrite = useSlice((state) => state.me.permissions.includes('token.write'))
  const [made, setMade] = useState<TokenItem | null>(null)

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const { name, role } = valuesOf(form)
    const token = await list.write<TokenItem>('POST', '/v1/tokens', { name, role })
    if (token === null) return
    setMade(token)
    form.reset()
  }

  return (
    <>
      <ul className="entries">
        {list.items?.map((token) => (
          <TokenRow
            key={token.id}
            token={token}
            onRevoke={mayWrite ? () => void list.write('DELETE', `/v1/tokens/${token.id}`).catch(() => undefined) : null}
          />
        ))}
      </ul>
      {made?.token === undefined ? null : (
        <div className="card" role="status">
          <Copyable label={`Token of ${made.name}`} value={made.token} hint="Copy it now: it is not shown again." />
        </div>
      )}
      {mayWrite ? (
        <form
          className="card form form--wide"
          onSubmit={(event) => {
            event.preventDefault()
            submit(event.currentTarget).catch(() => undefined)
          }}
        >
          <h2>New token</h2>
          <Refusal problem={list.problem} />
          <Field label="Name" name="name" required maxLength={100} autoComplete="off" placeholder="Order notices" />
          <label className="field">
            <span className="field__label">For</span>
            <select className="input" name="role" defaultValue="integration">
              <option value="integration">An integration: reads and writes</option>
              <option value="bot">A bot: answers</option>
            </select>
          </label>
          <div className="form__end">
            <button type="submit" className="button button--primary" disabled={list.isBusy}>
              <Icon name="plus" /> Make
            </button>
          </div>
        </form>
      ) : (
        <Refusal problem={list.problem} />
      )}
    </>
  )
}
