// What is on screen, as the address bar says it: view, search, conversation, message, settings section.
// Pure, between the URL's query and the panes; everything else about the page follows from data.

import { isViewName, type ViewName } from './views.ts'

export const settingsSections = ['accounts', 'agents', 'labels', 'tokens'] as const
export type SettingsSection = (typeof settingsSections)[number]

export interface Route {
  readonly view: ViewName
  /** What is searched for; empty = the view's own list. */
  readonly search: string
  readonly conversationId: string | null
  /** The message to show in it; null = the newest. */
  readonly messageId: string | null
  readonly settings: SettingsSection | null
}

const isSection = (name: string): name is SettingsSection => (settingsSections as readonly string[]).includes(name)

/** Reads `?view=&search=&conversation=&message=&settings=`; what it does not know it leaves out. */
export const parseRoute = (search: string): Route => {
  const query = new URLSearchParams(search)
  const view = query.get('view') ?? ''
  const settings = query.get('settings') ?? ''
  return {
    view: isViewName(view) ? view : 'all',
    search: query.get('search') ?? '',
    conversationId: query.get('conversation'),
    messageId: query.has('conversation') ? query.get('message') : null,
    settings: isSection(settings) ? settings : null,
  }
}

/** The route after a change: another conversation is shown from its newest unless a message is named. */
export const changedRoute = (route: Route, change: Partial<Route>): Route => ({
  ...route,
  ...('conversationId' in change ? { messageId: null } : {}),
  ...change,
})

export const routeSearch = ({ view, search, conversationId, messageId, settings }: Route): string => {
  const query = new URLSearchParams({ view })
  if (search !== '') query.set('search', search)
  if (conversationId !== null) query.set('conversation', conversationId)
  if (conversationId !== null && messageId !== null) query.set('message', messageId)
  if (settings !== null) query.set('settings', settings)
  return `?${query.toString()}`
}

/** The one-time code of `/inbox/#code=...`, or null. */
export const linkCodeOf = (hash: string): string | null => new URLSearchParams(hash.replace(/^#/, '')).get('code')
