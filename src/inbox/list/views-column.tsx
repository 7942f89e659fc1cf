// The left column: the views with their live counts, and the way to settings and out.
// Between the counts, which change by events, and the route.

import type { ReactElement } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { Icon, type IconName } from '../parts/icons.tsx'
import { Menu, MenuItem } from '../parts/menu.tsx'
import { useInbox, useRoute, useSlice } from '../state/hooks.ts'
import { listViews, viewNames, type ViewName } from '../state/views.ts'

const viewIcons: Readonly<Record<ViewName, IconName>> = {
  mine: 'person',
  unassigned: 'circle',
  all: 'inbox',
  waiting: 'clock',
  snoozed: 'moon',
  resolved: 'done',
}

const ViewLink = ({ name, onChosen }: { readonly name: ViewName; readonly onChosen: () => void }): ReactElement => {
  const [route, navigate] = useRoute()
  const count = useSlice((state) => state.counts?.[name])
  const isCurrent = route.view === name && route.settings === null
  return (
    <li>
      <a
        className="view-link"
        href={`?view=${name}`}
        aria-current={isCurrent ? 'page' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey) return
          event.preventDefault()
          navigate({ view: name, settings: null, conversationId: null })
          onChosen()
        }}
      >
        <Icon name={viewIcons[name]} />
        <span className="view-link__title">{listViews[name].title}</span>
        {count === undefined || count === 0 ? null : <span className="view-link__count">{count > 999 ? '999+' : count}</span>}
      </a>
    </li>
  )
}

const Self = ({ onHelp }: { readonly onHelp: () => void }): ReactElement => {
  const inbox = useInbox()
  const me = useSlice((state) => state.me)
  const label = (
    <>
      <Avatar id={me.id} name={me.name} size={1.75} />
      <span className="views__self-name">{me.name}</span>
      <Icon name="chevron" />
    </>
  )
  return (
    <Menu label={label} title={`Signed in as ${me.email}`} className="views__self">
      <div className="menu__title">{me.email}</div>
      <MenuItem icon={<Icon name="question" />} hint="?" onSelect={onHelp}>
        Keyboard
      </MenuItem>
      <MenuItem icon={<Icon name="exit" />} onSelect={() => void inbox.signOut()}>
        Sign out
      </MenuItem>
    </Menu>
  )
}

interface ViewsColumnProps {
  readonly onChosen: () => void
  readonly onHelp: () => void
}

export const ViewsColumn = ({ onChosen, onHelp }: ViewsColumnProps): ReactElement => {
  const [route, navigate] = useRoute()
  const organization = useSlice((state) => state.me.organizationName)
  return (
    <nav className="views" aria-label="Views">
      <div className="views__organization">
        <span className="views__mark" aria-hidden="true">
          <Icon name="inbox" />
        </span>
        <span className="views__organization-name">{organization}</span>
      </div>
      <ul className="views__list">
        {viewNames.map((name) => (
          <ViewLink key={name} name={name} onChosen={onChosen} />
        ))}
      </ul>
      <div className="views__foot">
        <a
          className="view-link"
          href={`?view=${route.view}&settings=accounts`}
          aria-current={route.settings === null ? undefined : 'page'}
          onClick={(event) => {
            event.preventDefault()
            navigate({ settings: 'accounts' })
            onChosen()
          }}
        >
          <Icon name="settings" />
          <span className="view-link__title">Settings</span>
        </a>
        <Self onHelp={onHelp} />
      </div>
    </nav>
  )
}
