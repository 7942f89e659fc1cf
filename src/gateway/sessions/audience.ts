// The fan-out index: organization → scope key → sessions; one entry finds its candidates without asking every socket.
// Between the tail and sessions, who then judge by their own grants and subscriptions.

import type { Session } from './session.ts'

export class Audience {
  readonly #organizations = new Map<string, Map<string, Set<Session>>>()
  readonly #marked = new Set<Session>()

  add(session: Session, organizationId: string, key: string): void {
    let keys = this.#organizations.get(organizationId)
    if (keys === undefined) this.#organizations.set(organizationId, (keys = new Map<string, Set<Session>>()))
    const sessions = keys.get(key)
    if (sessions === undefined) keys.set(key, new Set([session]))
    else sessions.add(session)
  }

  remove(session: Session, organizationId: string, key: string): void {
    const keys = this.#organizations.get(organizationId)
    const sessions = keys?.get(key)
    if (keys === undefined || sessions?.delete(session) !== true || sessions.size > 0) return
    keys.delete(key)
    if (keys.size === 0) this.#organizations.delete(organizationId)
  }

  /** Those under one key. */
  of(organizationId: string, key: string): ReadonlySet<Session> {
    return this.#organizations.get(organizationId)?.get(key) ?? nobody
  }

  /** Calls with each session that stands under any of the keys, once. The callback may remove sessions. */
  each(organizationId: string, keys: readonly string[], call: (session: Session) => void): void {
    const index = this.#organizations.get(organizationId)
    if (index === undefined) return
    let only: ReadonlySet<Session> | undefined
    let isMany = false
    for (const key of keys) {
      const sessions = index.get(key)
      if (sessions === undefined) continue
      if (only === undefined) only = sessions
      else {
        isMany = true
        for (const session of sessions) this.#marked.add(session)
      }
    }
    if (only === undefined) return
    if (!isMany) return only.forEach(call)
    for (const session of only) this.#marked.add(session)
    const marked = [...this.#marked]
    this.#marked.clear()
    marked.forEach(call)
  }
}

/** The keys under which one session stands; two subscriptions may have the same. */
export class Membership {
  readonly #audience: Audience
  readonly #session: Session
  readonly #organizationId: string
  readonly #keys = new Map<string, number>()

  constructor(audience: Audience, session: Session) {
    this.#audience = audience
    this.#session = session
    this.#organizationId = session.grants.organizationId
  }

  add(key: string): void {
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1)
    this.#audience.add(this.#session, this.#organizationId, key)
  }

  drop(key: string): void {
    const count = (this.#keys.get(key) ?? 0) - 1
    if (count > 0) return void this.#keys.set(key, count)
    this.#keys.delete(key)
    this.#audience.remove(this.#session, this.#organizationId, key)
  }

  end(): void {
    for (const key of this.#keys.keys()) this.#audience.remove(this.#session, this.#organizationId, key)
    this.#keys.clear()
  }
}

const nobody: ReadonlySet<Session> = new Set()
