// Typing and presence: never in the log, in the memory of one process; their loss stops an indicator and delays no event.
// Between sessions of agents and contacts; the cluster's form will stand beside it.

import type { Grants } from '#schemas'
import { LRUCache } from 'lru-cache'
import type { Views } from '#views'
import type { Settings } from '#runtime'
import type { Audience } from './sessions/audience.ts'
import { bytesOf } from './protocol.ts'
import { everyone } from './scopes.ts'
import type { Session } from './sessions/session.ts'

const TYPING_TTL_MS = 6_000
const TYPING_EVERY_MS = 1_000
/** Who types in a conversation at once, over the node. */
const TYPING_MAX = 10_000
const PLACES_MAX = 50_000
const OFFLINE_AFTER_MS = 15_000
const presences = new Set(['online', 'away'])

export interface Typing {
  readonly conversationId: string
  readonly isTyping: boolean
  /** Of a note: never shown to the contact. */
  readonly isNote?: boolean
}

interface Active {
  readonly grants: Grants
  readonly conversationId: string
  readonly accountId: string
  readonly isNote: boolean
  saidAt: number
  endsAt: number
}

interface Place {
  readonly organizationId: string
  readonly accountId: string
}

export interface EphemeralOptions {
  readonly audience: Audience
  readonly views: Pick<Views, 'rows'>
  readonly settings: Pick<Settings, 'agent'>
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}

export class Ephemeral {
  readonly #options: EphemeralOptions
  readonly #typing = new Map<string, Active>()
  readonly #places = new LRUCache<string, Place>({ max: PLACES_MAX })
  /** organization/agent → state, and when it ends where no session is left. */
  readonly #present = new Map<string, { organizationId: string; agentId: string; state: string; endsAt: number }>()

  constructor(options: EphemeralOptions) {
    this.#options = options
  }

  typing(session: Session, typing: Typing): void {
    this.say(session.grants, typing, session)
  }

  /** Someone types, here or by another door. What they may not see they do not type in: it says nothing. */
  say(grants: Grants, typing: Typing, except?: Session): void {
    const { conversationId } = typing
    if (grants.kind === 'contact' && grants.conversationId !== conversationId) return
    const known = this.#places.get(conversationId)
    if (known !== undefined) return this.#type(grants, typing, known, except)
    this.#options.views
      .rows([conversationId])
      .then(([row]) => {
        if (row === null || row === undefined) return
        const { organizationId, accountId } = row
        this.#places.set(conversationId, { organizationId, accountId })
        this.#type(grants, typing, { organizationId, accountId }, except)
      })
      .catch(this.#options.onError)
  }

  #type(
    grants: Grants,
    { conversationId, isTyping, isNote = false }: Typing,
    { organizationId, accountId }: Place,
    except: Session | undefined,
  ): void {
    const isMine = grants.organizationId === organizationId && (grants.accountIds === null || grants.accountIds.includes(accountId))
    if (!isMine) return
    const key = `${conversationId}/${grants.id}`
    const active = this.#typing.get(key)
    const now = this.#options.clock()
    if (!isTyping) return active === undefined ? undefined : this.#end(key, active, except)
    if (active === undefined && this.#typing.size >= TYPING_MAX) return
    const next: Active = { grants, conversationId, accountId, isNote, saidAt: now, endsAt: now + TYPING_TTL_MS }
    this.#typing.set(key, next)
    // Coalesced: once a second is enough for a dot.
    if (active !== undefined && now - active.saidAt < TYPING_EVERY_MS) next.saidAt = active.saidAt
    else this.#tell(next, true, except)
  }

  #end(key: string, active: Active, except?: Session): void {
    this.#typing.delete(key)
    this.#tell(active, false, except)
  }

  #tell({ grants, conversationId, accountId, isNote }: Active, isTyping: boolean, except: Session | undefined): void {
    const { audience, settings } = this.#options
    const { organizationId, kind, id } = grants
    const frame = { frame: 'ephemeral', kind: 'typing', conversationId, isTyping, ttlMs: TYPING_TTL_MS } as const
    const name = kind === 'agent' ? settings.agent(id)?.name : undefined
    const forStaff = bytesOf({ ...frame, isNote, by: { kind, id, ...(name === undefined ? {} : { name }) } })
    const forContact = bytesOf({ ...frame, by: { kind, ...(name === undefined ? {} : { name }) } })
    audience.each(organizationId, ['all', `account/${accountId}`, `conversation/${conversationId}`], (session) => {
      if (session === except || session.grants.id === id) return
      const other = session.grants
      if (other.kind === 'contact') {
        if (!isNote && other.conversationId === conversationId) session.sendBytes(forContact)
      } else if (other.accountIds === null || other.accountIds.includes(accountId)) session.sendBytes(forStaff)
    })
  }

  /** A new session: it learns who is there, and the others of it. */
  arrived(session: Session): void {
    const { kind, organizationId } = session.grants
    if (kind === 'contact') return
    for (const { organizationId: other, agentId, state } of this.#present.values()) {
      if (other === organizationId) session.send({ frame: 'ephemeral', kind: 'presence', agentId, state })
    }
    this.presence(session, 'online')
  }

  presence(session: Session, state: string): void {
    const { kind, id: agentId, organizationId } = session.grants
    if (kind !== 'agent' || !presences.has(state)) return
    const key = `${organizationId}/${agentId}`
    const before = this.#present.get(key)
    this.#present.set(key, { organizationId, agentId, state, endsAt: this.#options.clock() + OFFLINE_AFTER_MS })
    if (before?.state !== state) this.#tellPresence(organizationId, agentId, state)
  }

  /** Once a second: what nobody repeated has ended. */
  tick(now: number, isHere: (organizationId: string, agentId: string) => boolean): void {
    for (const [key, active] of this.#typing) if (now > active.endsAt) this.#end(key, active)
    for (const [key, present] of this.#present) {
      if (isHere(present.organizationId, present.agentId)) present.endsAt = now + OFFLINE_AFTER_MS
      else if (now > present.endsAt) {
        this.#present.delete(key)
        this.#tellPresence(present.organizationId, present.agentId, 'offline')
      }
    }
  }

  #tellPresence(organizationId: string, agentId: string, state: string): void {
    const frame = bytesOf({ frame: 'ephemeral', kind: 'presence', agentId, state })
    for (const session of this.#options.audience.of(organizationId, everyone))
      if (session.grants.kind !== 'contact') session.sendBytes(frame)
  }
}
