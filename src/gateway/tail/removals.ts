// Whose settings they were: a removed setting leaves a tombstone that names no organization, yet its clients must be told.
// Between `config` as tailed and the routing of its records.

import type { StoredRecord } from '#log'
import type { Settings } from '#runtime'
import { CONFIG_SLOT } from '../cursor.ts'
import { routingOf, settingPermissions, type Routing } from '../scopes.ts'

/** Settings remembered, the removed included. */
const KNOWN_MAX = 100_000

/** `routingOf` with a memory for settings, begun with those that are there. */
export const rememberingRoute = (
  settings: Pick<Settings, 'organizations' | 'list'>,
): ((stream: number, record: StoredRecord) => Routing | undefined) => {
  const known = new Map<string, Routing>()
  for (const { id: organizationId } of settings.organizations()) {
    for (const kind of ['account', 'agent', 'label'] as const) {
      for (const { id, rev } of settings.list(kind, organizationId)) {
        known.set(`${kind}/${id}`, {
          kind: 'setting',
          organizationId,
          subjectId: id,
          type: kind,
          seq: rev,
          contactSeq: null,
          teams: [],
          assignees: [],
          ...(kind === 'account' ? { accountId: id } : {}),
        })
      }
    }
  }
  return (stream, record) => {
    if (stream < CONFIG_SLOT) return routingOf(stream, record)
    if (record.value === null) {
      const routing = known.get(record.key)
      return routing === undefined ? undefined : { ...routing, seq: routing.seq + 1 }
    }
    const routing = routingOf(stream, record)
    // A replay reads old records: they do not count for the memory.
    if (routing !== undefined && routing.type in settingPermissions && routing.seq >= (known.get(record.key)?.seq ?? 0)) {
      if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value ?? '')
      known.set(record.key, routing)
    }
    return routing
  }
}
