// Settings, first form: accounts, agents, labels, tokens.
// Between an admin and the CRUD paths of the API; who may not write sees no forms.

import type { ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useRoute, useSlice } from '../state/hooks.ts'
import { settingsSections, type SettingsSection } from '../state/route.ts'
import { Accounts } from './accounts.tsx'
import { Agents } from './agents.tsx'
import { Labels } from './labels.tsx'
import { Tokens } from './tokens.tsx'

const titles: Readonly<Record<SettingsSection, string>> = { accounts: 'Accounts', agents: 'Agents', labels: 'Labels', tokens: 'Tokens' }
const leads: Readonly<Record<SettingsSection, string>> = {
  accounts: 'Where your customers write to you.',
  agents: 'Who answers, and what they may do.',
  labels: 'Words to sort conversations by.',
  tokens: 'Keys for bots, integrations and scripts.',
}
const panes: Readonly<Record<SettingsSection, () => ReactElement>> = { accounts: Accounts, agents: Agents, labels: Labels, tokens: Tokens }

export const SettingsPane = ({ section, onMenu }: { readonly section: SettingsSection; readonly onMenu: () => void }): ReactElement => {
  const [route, navigate] = useRoute()
  const mayReadTokens = useSlice((state) => state.me.permissions.includes('token.read'))
  const Pane = panes[section]
  return (
    <main className="settings" aria-label="Settings">
      <div className="settings__bar">
        <button type="button" className="button button--quiet button--icon list__menu" aria-label="Views" onClick={onMenu}>
          <Icon name="menu" />
        </button>
        <nav className="settings__tabs" aria-label="Settings">
          {settingsSections
            .filter((name) => name !== 'tokens' || mayReadTokens)
            .map((name) => (
              <a
                key={name}
                className="settings__tab"
                href={`?view=${route.view}&settings=${name}`}
                aria-current={name === section ? 'page' : undefined}
                onClick={(event) => {
                  event.preventDefault()
                  navigate({ settings: name })
                }}
              >
                {titles[name]}
              </a>
            ))}
        </nav>
        <button type="button" className="button button--quiet" title="Back to the inbox (Esc)" onClick={() => navigate({ settings: null })}>
          Done
        </button>
      </div>
      <div className="settings__body">
        <h1>{titles[section]}</h1>
        <p className="settings__lead">{leads[section]}</p>
        <Pane />
      </div>
    </main>
  )
}
