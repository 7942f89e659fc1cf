// Accounts: what is connected, where its provider must send webhooks, the snippet of a web chat, and connecting a Twilio number.
// Between an admin with a provider's console open and /v1/accounts.

import { useState, type ReactElement } from 'react'
import { ChannelMark, channelName, Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import { Copyable, Field, Refusal, SettingsForm } from './parts.tsx'
import { useSettings, type SettingsList } from './use-settings.ts'

interface AccountItem {
  readonly id: string
  readonly name: string
  readonly channel: string
  readonly externalId: string | null
  readonly isActive: boolean
  readonly ingestUrl?: string | null
}

const snippetOf = (id: string): string => `<script async src="${window.location.origin}/chat.js" data-account="${id}"></script>`

const AccountCard = ({ account }: { readonly account: AccountItem }): ReactElement => (
  <li className="card">
    <div className="card__head">
      <span className="card__mark">
        <ChannelMark channel={account.channel} />
      </span>
      <div className="card__title">
        <h2>{account.name}</h2>
        <p>
          {channelName(account.channel)}
          {account.externalId ? ` · ${account.externalId}` : ''}
        </p>
      </div>
      <span className={`state${account.isActive ? ' state--resolved' : ''}`}>{account.isActive ? 'active' : 'off'}</span>
    </div>
    {account.channel === 'web' ? (
      <Copyable
        label="Snippet for your pages"
        value={snippetOf(account.id)}
        hint={
          <>
            Place it before <code>&lt;/body&gt;</code>. See it at work on{' '}
            <a href="/try" target="_blank" rel="noreferrer">
              the try page
            </a>
            .
          </>
        }
      />
    ) : account.ingestUrl ? (
      <Copyable
        label="Webhook URL"
        value={account.ingestUrl}
        hint="In the Twilio console: the number’s “A message comes in”, method POST. Enter it whole, with what follows the #."
      />
    ) : null}
  </li>
)

interface ConnectProps {
  readonly list: SettingsList<AccountItem>
  readonly onDone: () => void
}

const ConnectTwilio = ({ list, onDone }: ConnectProps): ReactElement => (
  <SettingsForm
    title="Connect a Twilio number"
    submit={list.isBusy ? 'Connecting…' : 'Connect'}
    list={list}
    onCancel={onDone}
    onSubmit={async ({ name, externalId, accountSid, authToken }) => {
      const body = { channel: 'twilio', name, externalId, credentials: { accountSid, authToken } }
      const isMade = (await list.write('POST', '/v1/accounts', body)) !== null
      if (isMade) onDone()
      return isMade
    }}
  >
    <Field label="Name" name="name" required maxLength={100} placeholder="Support line" hint="What your team calls it." />
    <Field
      label="Number"
      name="externalId"
      required
      placeholder="+15550100"
      hint="With its country code; for WhatsApp put whatsapp: before it."
      pattern="(whatsapp:)?\+[0-9]{6,15}"
      title="A number such as +15550100"
    />
    <Field label="Account SID" name="accountSid" required placeholder="AC…" autoComplete="off" spellCheck={false} />
    <Field label="Auth token" name="authToken" type="password" required autoComplete="off" hint="Kept sealed; it is never shown again." />
  </SettingsForm>
)

const AddWeb = ({ list, onDone }: ConnectProps): ReactElement => (
  <SettingsForm
    title="Add a web chat"
    submit="Add"
    list={list}
    onCancel={onDone}
    onSubmit={async ({ name }) => {
      const isMade = (await list.write('POST', '/v1/accounts', { channel: 'web', name })) !== null
      if (isMade) onDone()
      return isMade
    }}
  >
    <Field label="Name" name="name" required maxLength={100} placeholder="Our shop" />
  </SettingsForm>
)

export const Accounts = (): ReactElement => {
  const list = useSettings<AccountItem>('/v1/accounts')
  const mayWrite = useSlice((state) => state.me.permissions.includes('account.write'))
  const [form, setForm] = useState<'twilio' | 'web' | null>(null)
  return (
    <>
      {form === null ? <Refusal problem={list.problem} /> : null}
      <ul className="cards">
        {list.items?.map((account) => (
          <AccountCard key={account.id} account={account} />
        ))}
      </ul>
      {form === 'twilio' ? <ConnectTwilio list={list} onDone={() => setForm(null)} /> : null}
      {form === 'web' ? <AddWeb list={list} onDone={() => setForm(null)} /> : null}
      {form === null && mayWrite ? (
        <div className="settings__actions">
          <button type="button" className="button button--primary" onClick={() => setForm('twilio')}>
            <Icon name="plus" /> Connect Twilio
          </button>
          <button type="button" className="button" onClick={() => setForm('web')}>
            <Icon name="plus" /> Add a web chat
          </button>
        </div>
      ) : null}
    </>
  )
}
