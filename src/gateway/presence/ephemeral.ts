// Typing, viewers and presence of a node's sessions: leases that end by themselves, changes told once a second at most.
// Between sessions, who say what they do, and the board, which knows the other nodes; permission is judged at each recipient.

import { LRUCache } from 'lru-cache'
import { may, mayAccount, type Grants } from '#schemas'
import type { Views } from '#views'
import type { Settings } from '#runtime'
import type { Audience } from '../sessions/audience.ts'
import { bytesOf } from '../protocol.ts'
import { everyone } from '../scopes.ts'
import type { Session } from '../sessions/session.ts'
import { factIdOf, type Board, type Fact, type OpenBoard, type Place } from './index.ts'
import { Coalescer } from './pace.ts'
import { Roll } from './roll.ts'

const TYPING_TTL_MS = 6_000
const TYPING_EVERY_MS = 1_000
/** A viewer who does not say so again is gone. */
const VIEWER_LEASE_MS = 15_000
const OFFLINE_AFTER_MS = 15_000
/** Facts of this node's sessions at once; beyond it nothing new is taken. */
const FACTS_MAX = 20_000
const PLACES_MAX = 50_000
/** How old a conversation's team and assignee may be that typing and viewers are told by. */
const PLACE_TTL_MS = 10_000
/** What a new session is told of at once: people, and conversations that somebody looks at. */
const PICTURE_MAX = 1_000

const presences = new Set(['online', 'away'])
const viewings = new Set(['viewing', 'replying'])

export interface Typing {
  readonly conversationId: string
  readonly isTyping: boolean
  /** Of a note: never shown to the contact. */
  readonly isNote?: boolean
}

interface Leased {
  readonly fact: Fact
  /** While it is open its presence stays; typing said by another door has none. */
  readonly session: Session | undefined
  saidAt: number
  endsAt: number
}

export interface EphemeralOptions {
  readonly audience: Audience
  readonly views: Pick<Views, 'rows'>
  readonly settings: Pick<Settings, 'agent' | 'list' | 'onChange'>
  readonly openBoard: OpenBoard
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}

export class Ephemeral {
  readonly #options: EphemeralOptions
  readonly #board: Board
  readonly #places: LRUCache<string, Place>
  readonly #rolls = new Map<string, Roll>()
  readonly #leased = new Map<string, Leased>()
  readonly #viewers: Coalescer<Place>
  readonly #presence: Coalescer<Pick<Fact, 'organizationId' | 'principal'>>
  readonly #available = new Map<string, boolean>()
  readonly #unwatch: () => void

  constructor(options: EphemeralOptions) {
    this.#options = options
    const { views, settings, clock } = options
    this.#places = new LRUCache({
      max: PLACES_MAX,
      ttl: PLACE_TTL_MS,
      fetchMethod: async (conversationId) => {
        const [row] = await views.rows([conversationId])
        if (row === null || row === undefined) return undefined
        const { organizationId, accountId, teamId, assignee } = row
        return { conversationId, organizationId, accountId, teamId, assigneeId: assignee?.id ?? null }
      },
    })
    this.#viewers = new Coalescer((_key, place) => this.#tellViewers(place), clock)
    this.#presence = new Coalescer((_key, { organizationId, principal }) => this.#tellPresence(organizationId, principal.id), clock)
    this.#board = options.openBoard({
      onPut: (fact) => this.#changed(fact, this.#rollOf(fact.organizationId).put(fact)),
      onDrop: (fact) => this.#changed(fact, this.#rollOf(fact.organizationId).drop(fact)),
      onTyping: (fact, isTyping) => this.#tellTyping(fact, isTyping),
      onKnown: (organizationId) => this.#anew(organizationId),
    })
    this.#unwatch = settings.onChange(({ kind, organizationId }) => {
      if (kind === 'agent') this.#tellAvailability(organizationId)
    })
  }

  typing(session: Session, typing: Typing): void {
    this.say(session.grants, typing, session.id)
  }

  /** Someone types, here or by another door. What they may not see they do not type in: it says nothing. */
  say(grants: Grants, typing: Typing, source = 'http'): void {
    const { conversationId, isTyping, isNote = false } = typing
    if (grants.kind === 'contact' && (grants.conversationId !== conversationId || isNote)) return
    this.#at(conversationId, (place) => {
      if (!isIn(grants, place)) return
      const { organizationId, kind, id } = grants
      const fact: Fact = { kind: 'typing', organizationId, principal: { kind, id }, source, state: isNote ? 'note' : 'reply', place }
      if (!isTyping) return this.#end(factIdOf(fact))
      const before = this.#leased.get(factIdOf(fact))
      const leased = this.#lease(fact, undefined, TYPING_TTL_MS)
      if (leased === undefined) return
      // Coalesced: once a second is enough for a dot.
      const now = this.#options.clock()
      if (before !== undefined && before.fact.state === fact.state && now - before.saidAt < TYPING_EVERY_MS) leased.saidAt = before.saidAt
      else this.#board.type(fact, true)
    })
  }

  /** An agent is there, or looks at a conversation: `viewing`, `replying`, and any other word for no longer. */
  presence(session: Session, { state, conversationId }: { readonly state: string; readonly conversationId?: string }): void {
    const { kind, id, organizationId } = session.grants
    if (kind !== 'agent') return
    const principal = { kind, id }
    if (conversationId === undefined) {
      if (presences.has(state))
        this.#put({ kind: 'presence', organizationId, principal, source: session.id, state, place: null }, session, OFFLINE_AFTER_MS)
      return
    }
    this.#at(conversationId, (place) => {
      if (!session.isOpen || !isIn(session.grants, place) || !may(session.grants, 'conversation.read')) return
      const fact: Fact = { kind: 'viewers', organizationId, principal, source: session.id, state, place }
      if (viewings.has(state)) this.#put(fact, session, VIEWER_LEASE_MS)
      else this.#end(factIdOf(fact))
    })
  }

  /** A new session: it learns who is there, and the others of it. */
  arrived(session: Session): void {
    const { kind, organizationId } = session.grants
    if (kind === 'contact') {
      return session.send({ frame: 'ephemeral', kind: 'availability', state: this.#availability(organizationId) })
    }
    this.#board.follow(organizationId)
    this.#tellPicture(session)
    this.presence(session, { state: 'online' })
  }

  /** Once a second: what nobody repeated has ended. */
  tick(now: number): void {
    for (const [id, leased] of this.#leased) {
      // Who is back on another socket within the time was never gone.
      if (leased.fact.kind === 'presence' && leased.session?.isOpen === true) leased.endsAt = now + OFFLINE_AFTER_MS
      else if (now > leased.endsAt) this.#end(id)
    }
    this.#viewers.tick(now)
    this.#presence.tick(now)
    for (const organizationId of this.#rolls.keys()) {
      if (this.#options.audience.of(organizationId, everyone).size > 0) continue
      this.#board.unfollow(organizationId)
      this.#rolls.delete(organizationId)
    }
  }

  async close(): Promise<void> {
    this.#unwatch()
    await this.#board.close()
  }

  #at(conversationId: string, act: (place: Place) => void): void {
    this.#places
      .fetch(conversationId)
      .then((place) => (place === undefined ? undefined : act(place)))
      .catch(this.#options.onError)
  }

  #lease(fact: Fact, session: Session | undefined, leaseMs: number): Leased | undefined {
    const id = factIdOf(fact)
    if (this.#leased.size >= FACTS_MAX && !this.#leased.has(id)) return undefined
    const now = this.#options.clock()
    const leased: Leased = { fact, session, saidAt: now, endsAt: now + leaseMs }
    this.#leased.set(id, leased)
    return leased
  }

  /** Repeating it renews the lease, and is news to nobody. */
  #put(fact: Fact, session: Session, leaseMs: number): void {
    const before = this.#leased.get(factIdOf(fact))
    if (this.#lease(fact, session, leaseMs) !== undefined && before?.fact.state !== fact.state) this.#board.put(fact)
  }

  #end(id: string): void {
    const leased = this.#leased.get(id)
    if (leased === undefined) return
    this.#leased.delete(id)
    if (leased.fact.kind === 'typing') this.#board.type(leased.fact, false)
    else this.#board.drop(leased.fact)
  }

  #rollOf(organizationId: string): Roll {
    let roll = this.#rolls.get(organizationId)
    if (roll === undefined) this.#rolls.set(organizationId, (roll = new Roll(this.#board.of(organizationId))))
    return roll
  }

  #changed(fact: Fact, isNews: boolean): void {
    if (!isNews) return
    if (fact.place === null) this.#presence.call(`${fact.organizationId}/${fact.principal.id}`, fact)
    else this.#viewers.call(fact.place.conversationId, fact.place)
  }

  /** Other nodes' facts have gone out of sight, or are whole again. */
  #anew(organizationId: string): void {
    this.#rolls.set(organizationId, new Roll(this.#board.of(organizationId)))
    for (const session of this.#options.audience.of(organizationId, everyone))
      if (session.grants.kind !== 'contact') this.#tellPicture(session)
  }

  /** All at once; what it does not name is nobody, unless it says that nothing is known. */
  #tellPicture(session: Session): void {
    const { grants } = session
    const roll = this.#rollOf(grants.organizationId)
    const viewers = may(grants, 'conversation.read') ? [...roll.viewed()].filter(({ place }) => isIn(grants, place)) : []
    session.send({
      frame: 'ephemeral',
      kind: 'awareness',
      isKnown: this.#board.isKnown(grants.organizationId),
      agents: roll.present().slice(0, PICTURE_MAX),
      viewing: viewers
        .slice(0, PICTURE_MAX)
        .map(({ place: { conversationId }, viewers: people }) => ({ conversationId, viewers: [...people] })),
    })
  }

  #tellPresence(organizationId: string, agentId: string): void {
    const state = this.#rollOf(organizationId).presenceOf(agentId) ?? 'offline'
    const frame = bytesOf({ frame: 'ephemeral', kind: 'presence', agentId, state })
    for (const session of this.#options.audience.of(organizationId, everyone))
      if (session.grants.kind !== 'contact') session.sendBytes(frame)
  }

  #tellViewers(place: Place): void {
    const { organizationId, conversationId } = place
    const viewers = [...this.#rollOf(organizationId).viewersOf(conversationId)]
    const frame = bytesOf({ frame: 'ephemeral', kind: 'viewers', conversationId, viewers })
    this.#each(place, (session) => {
      if (may(session.grants, 'conversation.read')) session.sendBytes(frame)
    })
  }

  #tellTyping({ principal: { kind, id }, state, place }: Fact, isTyping: boolean): void {
    if (place === null) return
    const { conversationId } = place
    const frame = { frame: 'ephemeral', kind: 'typing', conversationId, isTyping, ttlMs: TYPING_TTL_MS } as const
    const isNote = state === 'note'
    const name = kind === 'agent' ? this.#options.settings.agent(id)?.name : undefined
    const forStaff = bytesOf({ ...frame, isNote, by: { kind, id, ...(name === undefined ? {} : { name }) } })
    const forContact = bytesOf({ ...frame, by: { kind, ...(name === undefined ? {} : { name }) } })
    this.#each(place, (session) => {
      if (session.grants.id === id) return
      if (session.grants.kind !== 'contact') session.sendBytes(forStaff)
      else if (!isNote) session.sendBytes(forContact)
    })
  }

  /** Those whose scopes hold the conversation and who may see it. */
  #each(place: Place, tell: (session: Session) => void): void {
    const { organizationId, conversationId, accountId, teamId, assigneeId } = place
    const keys = ['all', `account/${accountId}`, `conversation/${conversationId}`, `assignee/${assigneeId ?? 'none'}`]
    if (teamId !== null) keys.push(`team/${teamId}`)
    this.#options.audience.each(organizationId, keys, (session) => {
      if (isIn(session.grants, place)) tell(session)
    })
  }

  /** What a contact may know of agents: whether any is available, by their setting and never by their presence. */
  #availability(organizationId: string): 'available' | 'unavailable' {
    const known = this.#available.get(organizationId) ?? this.#countAvailable(organizationId)
    return known ? 'available' : 'unavailable'
  }

  #countAvailable(organizationId: string): boolean {
    const isAvailable = this.#options.settings.list('agent', organizationId).some((agent) => agent.isActive && agent.isAvailable)
    this.#available.set(organizationId, isAvailable)
    return isAvailable
  }

  #tellAvailability(organizationId: string): void {
    const before = this.#available.get(organizationId)
    if (before === undefined || this.#countAvailable(organizationId) === before) return
    const frame = bytesOf({ frame: 'ephemeral', kind: 'availability', state: this.#availability(organizationId) })
    for (const session of this.#options.audience.of(organizationId, everyone))
      if (session.grants.kind === 'contact') session.sendBytes(frame)
  }
}

/** Whether the conversation is one that the principal may see. */
const isIn = (grants: Grants, { organizationId, accountId, conversationId }: Place): boolean =>
  grants.organizationId === organizationId &&
  (grants.kind === 'contact' ? grants.conversationId === conversationId : mayAccount(grants, accountId))
