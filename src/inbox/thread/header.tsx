// Over the thread: who it is, who has it, and what can be done with it, each also by a key.
// Between an agent's decisions and the paths of a conversation.

import { useState, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { Avatar } from '../parts/avatar.tsx'
import { ChannelMark, channelName, Icon } from '../parts/icons.tsx'
import { Menu, MenuItem } from '../parts/menu.tsx'
import { useSlice } from '../state/hooks.ts'
import { contactNameOf } from '../words/names.ts'
import { useSignal, useSignalCount } from '../state/signals.ts'
import { comingTime, snoozeChoices } from '../words/times.ts'
import { SnoozeDialog } from './snooze-dialog.tsx'
import { useActions } from './use-actions.ts'

interface HeaderProps {
  readonly row: Conversation
  readonly onBack: () => void
  readonly onDetails: () => void
  readonly isDetailsOpen: boolean
}

const AssignMenu = ({ row }: { readonly row: Conversation }): ReactElement => {
  const actions = useActions(row)
  const me = useSlice((state) => state.me.id)
  const agents = useSlice((state) => state.agents)
  const signal = useSignalCount('assign')
  const holder =
    row.assignee === null
      ? null
      : row.assignee.kind === 'bot'
        ? 'Bot'
        : row.assignee.id === me
          ? 'You'
          : (agents.get(row.assignee.id)?.name ?? 'Agent')
  const label = (
    <>
      {row.assignee === null ? (
        <Icon name="person" />
      ) : (
        <Avatar id={row.assignee.id} name={holder === 'You' ? (agents.get(me)?.name ?? 'You') : (holder ?? '')} size={1.25} />
      )}
      <span className="header__holder">{holder ?? 'Unassigned'}</span>
      <Icon name="chevron" size={12} />
    </>
  )
  const others = [...agents.values()].filter((agent) => agent.isActive && agent.id !== me).sort((a, b) => a.name.localeCompare(b.name))
  return (
    <Menu label={label} title="Assign to… (A)" openSignal={signal} className="button button--quiet header__assign">
      <MenuItem icon={<Avatar id={me} name={agents.get(me)?.name ?? 'Me'} size={1.25} />} hint="C" onSelect={actions.claim}>
        Take it
      </MenuItem>
      {row.assignee === null ? null : (
        <MenuItem icon={<Icon name="close" />} onSelect={actions.release}>
          Release
        </MenuItem>
      )}
      {others.length > 0 ? <div className="menu__divider" role="separator" /> : null}
      {others.map((agent) => (
        <MenuItem
          key={agent.id}
          icon={<Avatar id={agent.id} name={agent.name} size={1.25} />}
          isChecked={row.assignee?.id === agent.id}
          onSelect={() => actions.assign(agent.id)}
        >
          {agent.name}
        </MenuItem>
      ))}
    </Menu>
  )
}

const SnoozeMenu = ({ row }: { readonly row: Conversation }): ReactElement => {
  const actions = useActions(row)
  const signal = useSignalCount('snooze')
  const [isAsking, setAsking] = useState(false)
  const [openedAt, setOpenedAt] = useState(() => Date.now())
  return (
    <>
      <Menu
        label={<Icon name="moon" />}
        title="Snooze (Z)"
        className="button button--quiet button--icon"
        openSignal={signal}
        onOpen={() => setOpenedAt(Date.now())}
      >
        <div className="menu__title">Snooze</div>
        {snoozeChoices(openedAt).map(({ name, until }) => (
          <MenuItem
            key={name}
            hint={until === null ? undefined : comingTime(until, openedAt).replace(/^(today|tomorrow), /, '')}
            onSelect={() => actions.snooze(until)}
          >
            {name}
          </MenuItem>
        ))}
        <div className="menu__divider" role="separator" />
        <MenuItem onSelect={() => setAsking(true)}>Choose a time…</MenuItem>
      </Menu>
      {isAsking ? <SnoozeDialog onChoose={actions.snooze} onClose={() => setAsking(false)} /> : null}
    </>
  )
}

const LabelMenu = ({ row }: { readonly row: Conversation }): ReactElement => {
  const actions = useActions(row)
  const labels = useSlice((state) => state.labels)
  const signal = useSignalCount('label')
  return (
    <Menu label={<Icon name="label" />} title="Labels (L)" className="button button--quiet button--icon" openSignal={signal}>
      <div className="menu__title">Labels</div>
      {labels.size === 0 ? <div className="menu__title">None yet: make them in Settings.</div> : null}
      {[...labels.values()].map((label) => {
        const isSet = row.labels.includes(label.id)
        return (
          <MenuItem
            key={label.id}
            keepsOpen
            isChecked={isSet}
            icon={<span className="chip__dot" style={{ background: label.color }} />}
            hint={isSet ? <Icon name="check" size={14} /> : undefined}
            onSelect={() => actions.label(label.id, !isSet)}
          >
            {label.name}
          </MenuItem>
        )
      })}
    </Menu>
  )
}

const priorities = ['urgent', 'high', 'medium', 'low', 'none'] as const

const PriorityMenu = ({ row }: { readonly row: Conversation }): ReactElement => {
  const actions = useActions(row)
  const signal = useSignalCount('priority')
  return (
    <Menu
      label={
        <span className={`priority priority--${row.priority}`}>
          <Icon name="flag" size={16} />
        </span>
      }
      title="Priority (P)"
      className="button button--quiet button--icon"
      openSignal={signal}
    >
      <div className="menu__title">Priority</div>
      {priorities.map((priority) => (
        <MenuItem
          key={priority}
          isChecked={row.priority === priority}
          icon={
            <span className={`priority priority--${priority}`}>
              <Icon name="flag" size={14} />
            </span>
          }
          hint={row.priority === priority ? <Icon name="check" size={14} /> : undefined}
          onSelect={() => actions.prioritize(priority)}
        >
          {priority === 'none' ? 'No priority' : `${priority[0]?.toUpperCase() ?? ''}${priority.slice(1)}`}
        </MenuItem>
      ))}
    </Menu>
  )
}

const EndButton = ({ row }: { readonly row: Conversation }): ReactElement => {
  const actions = useActions(row)
  const isEnded = row.state === 'resolved' || row.state === 'snoozed'
  useSignal('resolve', actions.resolve)
  return (
    <button
      type="button"
      className="button header__end"
      title={isEnded ? 'Reopen (Shift+O)' : 'Resolve (E)'}
      onClick={isEnded ? actions.reopen : actions.resolve}
    >
      <Icon name={isEnded ? 'reopen' : 'check'} />
      <span>{isEnded ? 'Reopen' : 'Resolve'}</span>
    </button>
  )
}

export const Header = ({ row, onBack, onDetails, isDetailsOpen }: HeaderProps): ReactElement => {
  const name = contactNameOf(row)
  const account = useSlice((state) => state.accounts.get(row.accountId)?.name)
  const mayChange = useSlice((state) => state.me.permissions.includes('conversation.change'))
  return (
    <header className="header">
      <button
        type="button"
        className="button button--quiet button--icon header__back"
        aria-label="Back to the list"
        title="Back (Esc)"
        onClick={onBack}
      >
        <Icon name="back" />
      </button>
      <div className="header__who">
        <h2 className="header__name">{name}</h2>
        <p className="header__where">
          <ChannelMark channel={row.channel} />
          <span>{account ?? channelName(row.channel)}</span>
          {row.state === 'open' ? null : (
            <span className={`state state--${row.state}`}>{row.state === 'pending' ? 'with a bot' : row.state}</span>
          )}
        </p>
      </div>
      {mayChange ? (
        <div className="header__actions">
          <AssignMenu row={row} />
          <PriorityMenu row={row} />
          <LabelMenu row={row} />
          <SnoozeMenu row={row} />
          <EndButton row={row} />
        </div>
      ) : null}
      <button
        type="button"
        className="button button--quiet button--icon"
        title="Details (D)"
        aria-label="Details"
        aria-pressed={isDetailsOpen}
        onClick={onDetails}
      >
        <Icon name="panel" />
      </button>
    </header>
  )
}
