// What is on screen, as the address bar says it: view, conversation, settings section.
// Pure, between the URL's query and the panes; everything else about the page follows from data.

import { isViewName, type ViewName } from './views.ts'

export const settingsSections = ['accounts', 'agents', 'labels', 'tokens'] as const
export type SettingsSection = (typeof settingsSections)[number]

export interface Route {
  readonly view: ViewName
  readonly conversationId: string | null
  readonly settings: SettingsSection | null
}

const isSection = (name: string): name is SettingsSection => (settingsSections as readonly string[]).includes(name)

/** Reads `?view=&conversation=&settings=`; what it does not know it leaves out. */
export const parseRoute = (search: string): Route => {
  const query = new URLSearchParams(search)
  const view = query.get('view') ?? ''
  const settings = query.get('settings') ?? ''
  return {
    view: isViewName(view) ? view : 'all',
    conversationId: query.get('conversation'),
    settings: isSection(settings) ? settings : null,
  }
}

export const routeSearch = ({ view, conversationId, settings }: Route): string => {
  const query = new URLSearchParams({ view })
  if (conversationId !== null) query.set('conversation', conversationId)
  if (settings !== null) query.set('settings', settings)
  return `?${query.toString()}`
}

/** The one-time code of `/inbox/#code=...`, or null. */
export const linkCodeOf = (hash: string): string | null => new URLSearchParams(hash.replace(/^#/, '')).get('code')
