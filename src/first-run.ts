// The first run: an organization, its owner, a web account to try, an owner's token for tools and a one-time sign-in link.
// Between an empty log and a newcomer who wants to chat with themselves within a minute; all of it through the settings actor.

import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { derivePlain, type SettingKind } from '#schemas/log'
import { hasCode } from '#errors'
import type { Log } from '#log'
import type { Commands, Settings } from '#runtime'
import { hashToken, type Secrets } from '#secrets'

export interface FirstRunOptions {
  readonly log: Pick<Log, 'id'>
  readonly commands: Commands
  readonly settings: Settings
  readonly secrets: Secrets
  readonly dataDirectory: string
  readonly clock: () => number
}

/** How long the printed sign-in link works. */
const LINK_MS = 24 * 3_600_000
/** How long what another node has just written may take to come by. */
const EXISTING_MS = 5_000
const OWNER_EMAIL = 'owner@localhost'

/** The file with the owner's bearer token, mode 0600. */
export const adminTokenPath = (dataDirectory: string): string => join(dataDirectory, 'admin-token')

interface Wanted {
  readonly kind: SettingKind
  readonly id: string
  readonly value: Readonly<Record<string, unknown>>
}

/** Writes a setting unless it is there: a first run that was cut off, or that another node runs too, goes on where it stands. */
const ensure = async (options: FirstRunOptions, organizationId: string, wanted: Wanted): Promise<void> => {
  const { kind, id, value } = wanted
  if (options.settings.get(kind, id) !== undefined) return
  try {
    await options.commands.submit({
      type: 'setting.write',
      organizationId,
      actor: { kind: 'organization', id: organizationId },
      by: { kind: 'system', id: null },
      data: { kind, action: 'create', entityId: id, expectedRev: null, json: JSON.stringify(value), uniqueKeys: [] },
    })
  } catch (error) {
    if (!hasCode(error, 'setting_exists')) throw error
    await options.settings.catchUp(EXISTING_MS, organizationId)
  }
}

/**
 * Makes what a new site needs, and nothing where an owner has been made. Answers the path of a one-time sign-in link
 * (`/inbox/#code=...`) on the first run, null later.
 */
export const runFirst = async (options: FirstRunOptions): Promise<{ signInPath: string | null }> => {
  const { settings, secrets } = options
  // Of the log's own id: nodes that meet an empty log at once make the same organization.
  const organizationId = settings.organizations()[0]?.id ?? derivePlain('setting', ['organization', options.log.id])
  const idOf = (name: string): string => derivePlain('setting', [organizationId, name])
  const agentId = idOf('owner')
  const token = secrets.tokenText('cfb', idOf('admin-token'))
  const isDone = settings.get('token', idOf('admin-token')) !== undefined
  if (!isDone) {
    const sealedIdKey = secrets.seal('id-key', randomBytes(32), organizationId).toString('base64')
    const greeting = 'Hello! Write to us, we answer here.'
    const steps: readonly Wanted[] = [
      { kind: 'organization', id: organizationId, value: { name: 'My organization', sealedIdKey } },
      { kind: 'agent', id: agentId, value: { name: 'Owner', email: OWNER_EMAIL, role: 'owner' } },
      {
        kind: 'account',
        id: idOf('web'),
        value: { name: 'Web chat', channel: 'web', externalId: '', ingestKey: '', options: { greeting, color: '#2f5bea' } },
      },
      { kind: 'token', id: idOf('admin-token'), value: { name: 'admin-token file', role: 'owner', agentId, hash: hashToken(token) } },
    ]
    for (const step of steps) await ensure(options, organizationId, step)
  }
  const path = adminTokenPath(options.dataDirectory)
  if (settings.get('token', idOf('admin-token')) !== undefined && !existsSync(path)) writeFileSync(path, `${token}\n`, { mode: 0o600 })
  return { signInPath: isDone ? null : await createSignInLink(options, { organizationId, agentId }) }
}

/** A link that signs one agent in once; `confab token sign-in` makes more of them. */
const createSignInLink = async (options: FirstRunOptions, link: { organizationId: string; agentId: string }): Promise<string> => {
  const code = randomBytes(24).toString('base64url')
  const hash = hashToken(code)
  const value = { kind: 'link', agentId: link.agentId, hash, expiresAt: options.clock() + LINK_MS }
  await ensure(options, link.organizationId, { kind: 'session', id: derivePlain('setting', ['link', hash]), value })
  return `/inbox/#code=${code}`
}
