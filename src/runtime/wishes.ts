// Carries out the wishes of principals: may they, do they see it, then one command and the place in the log past its answer.
// Between the doors (HTTP, sockets), which hand in what they have checked, and the command door.

import {
  isWish,
  may,
  mayAccount,
  wishBodies,
  WishTarget,
  type Accepted,
  type Contact,
  type Conversation,
  type Grants,
  type Message,
  type WishBody,
  type WishName,
} from '#schemas'
import { checkOf, describeFaults } from '#schemas/check'
import type { Account, Attachment, CommandData, CommandType, MessageContent } from '#schemas/log'
import { ConfabError } from '#errors'
import { partitionOf, type Log } from '#log'
import type { Views } from '#views'
import { LRUCache } from 'lru-cache'
import { canonical } from './canonical.ts'
import type { Answer, Commands } from './commands.ts'
import { degradedOf } from './preview.ts'
import { saidOf } from './said.ts'
import type { Settings } from './settings.ts'
import type { Facts } from './wish-parts.ts'
import { wishTable } from './wish-table.ts'

/** A wish whose body has been checked. */
export interface WishRequest<N extends WishName = WishName> {
  readonly type: N
  readonly target: WishTarget
  readonly body: WishBody<N>
  /** The client's own key, 1 to 64 visible characters. */
  readonly key?: string
}

export interface Fulfilled {
  readonly accepted: Accepted
  /** Sealed place in the log past the answer's events. */
  readonly position: string
}

export interface Wishes {
  /** Throws what the actor refuses, `forbidden`, `not_found`, `rate_limited` or the door's codes. */
  execute(grants: Grants, request: WishRequest): Promise<Fulfilled>
  /** A socket's command frame: target ids and body flat beside each other. Throws `command_unknown`, `request_invalid` and all of `execute`. */
  executeFrame(
    grants: Grants,
    frame: { readonly id: string; readonly type: string } & Readonly<Record<string, unknown>>,
  ): Promise<Fulfilled>
}

/** The gateway's word for the sealed place past an answer's events, once they have come by; with seq 0 the newest it has seen. */
export interface Passed {
  passed(answer: Pick<Answer, 'subject' | 'seq' | 'partition'>): Promise<string>
}

export interface WishesOptions {
  readonly commands: Pick<Commands, 'submit'>
  readonly settings: Pick<Settings, 'idKey' | 'account'>
  readonly views: Pick<Views, 'rows' | 'message' | 'contact' | 'waitFor'>
  readonly log: Pick<Log, 'bounds'>
  /** An upload that the principal may send, null where there is none. */
  readonly uploads: { find(grants: Grants, fileId: string): Promise<Attachment | null> }
  readonly positions: Passed
  readonly clock: () => number
  /** 16 random bytes, hex: the key of a wish that came without one. */
  readonly drawKey: () => string
}

/** How long an unknown id waits for the views to reach the log's end: it may be a moment old. */
const FRESH_WAIT_MS = 1_000
/** Web chat: one message or reaction a second, ten at once. */
const VISITOR_BURST = 10
const VISITOR_REFILL_MS = 1_000
/** Visitors whose pace is remembered. */
const VISITORS_MAX = 50_000

/** `seenSeq`: what a view has shown already, as for marks, which make no event: nothing to wait for. */
export const positionOf = (positions: Passed, { subject, seq, partition }: Answer, seenSeq: number): Promise<string> =>
  positions.passed({ subject, partition, seq: seq <= seenSeq ? 0 : seq })

const KEY = /^[\x21-\x7e]{1,64}$/

/** Throws `idempotency_key_invalid`. */
const checkKey = (key: string | undefined): void => {
  if (key !== undefined && !KEY.test(key)) throw new ConfabError('idempotency_key_invalid')
}

/** A token bucket a visitor: `fullAt` is when it would be full again. */
class Pace {
  readonly #fullAt = new LRUCache<string, number>({ max: VISITORS_MAX })

  take(id: string, now: number): void {
    const fullAt = Math.max(this.#fullAt.get(id) ?? 0, now) + VISITOR_REFILL_MS
    const waitMs = fullAt - now - VISITOR_BURST * VISITOR_REFILL_MS
    if (waitMs > 0) throw new ConfabError('rate_limited', { retryAfterSeconds: Math.ceil(waitMs / 1000) })
    this.#fullAt.set(id, fullAt)
  }
}

class WishDoor implements Wishes {
  readonly #options: WishesOptions
  readonly #pace = new Pace()

  constructor(options: WishesOptions) {
    this.#options = options
  }

  executeFrame(
    grants: Grants,
    frame: { readonly id: string; readonly type: string } & Readonly<Record<string, unknown>>,
  ): Promise<Fulfilled> {
    const { id: key, type, frame: _name, ...fields } = frame
    if (!isWish(type)) throw new ConfabError('command_unknown')
    const [target, body] = split(type, fields)
    const faults = checkOf(WishTarget)(target) ?? checkOf(wishBodies[type])(body)
    if (faults !== null) throw new ConfabError('request_invalid', { detail: describeFaults(faults), fields: { errors: faults } })
    return this.execute(grants, { type, target, body, key })
  }

  async execute(grants: Grants, { type, target, body, key }: WishRequest): Promise<Fulfilled> {
    checkKey(key)
    const wish = wishTable[type] as {
      about: string
      permission: (body: unknown, message: Message | null) => never
      build: (body: unknown, facts: Facts) => ReturnType<(typeof wishTable)[WishName]['build']>
    }
    const message = wish.about === 'message' ? await this.#message(grants, target) : null
    this.#allow(grants, wish.permission(body, message))
    if (type === 'message.receive' || type === 'contact.react') this.#pace.take(grants.id, this.#options.clock())
    const seen = { ...(await this.#see(grants, wish.about, target, body)), message, attachments: await this.#uploads(grants, body) }
    const { commands, settings, clock, drawKey, positions } = this.#options
    const facts: Facts = {
      grants,
      idKey: settings.idKey(grants.organizationId),
      key: key ?? drawKey(),
      clientKey: key ?? null,
      now: clock(),
      ...seen,
    }
    const { type: command, actor, data, messageId } = wish.build(body, facts)
    const degraded = this.#degraded(command, data as CommandData['message.send'], seen)
    const answer = await commands.submit({
      type: command,
      organizationId: grants.organizationId,
      actor,
      by: { kind: grants.kind, id: grants.id },
      data,
      ...(key === undefined ? {} : { key, body: canonical({ target, body }) }),
    })
    const accepted = {
      commandId: answer.commandId,
      subject: answer.subject,
      seq: answer.seq,
      ...(messageId === undefined ? {} : { messageId }),
      ...(degraded.length === 0 ? {} : { degraded: [...degraded] }),
    }
    return { accepted, position: await positionOf(positions, answer, seen.conversation?.seq ?? 0) }
  }

  /** What the channel shows otherwise; refused before anything is queued where it cannot be shown at all. */
  #degraded(
    command: CommandType,
    { content, isInternal }: CommandData['message.send'],
    { conversation, account }: { readonly conversation: Conversation | null; readonly account: Account | null },
  ): readonly string[] {
    if ((command !== 'message.send' && command !== 'conversation.start') || isInternal || (content as MessageContent | null) === null)
      return []
    const place = account ?? (conversation === null ? undefined : this.#options.settings.account(conversation.accountId))
    return place === undefined
      ? []
      : degradedOf(place, content, { userId: (conversation as { contact?: { address?: string | null } } | null)?.contact?.address ?? '' })
  }

  /** A contact has wishes of their own and no permission of the table. */
  #allow(grants: Grants, permission: Parameters<typeof may>[1] | null): void {
    if (permission === null ? grants.kind !== 'contact' : !may(grants, permission)) throw new ConfabError('forbidden')
  }

  async #see(
    grants: Grants,
    about: string,
    target: WishTarget,
    body: unknown,
  ): Promise<{ conversation: Conversation | null; contact: Contact | null; account: Account | null }> {
    const nothing = { conversation: null, contact: null, account: null }
    if (about === 'contact') return { ...nothing, contact: await this.#contact(grants, target.contactId) }
    if (about === 'account') return { ...nothing, account: this.#account(grants, (body as { accountId: string }).accountId) }
    if (about === 'visitor') return { ...nothing, account: this.#account(grants, grants.accountIds?.[0]) }
    return { ...nothing, conversation: await this.#conversation(grants, target.conversationId) }
  }

  #account(grants: Grants, id: string | undefined): Account {
    const account = id === undefined ? undefined : this.#options.settings.account(id)
    if (account === undefined || account.organizationId !== grants.organizationId || !account.isActive || !mayAccount(grants, account.id)) {
      throw new ConfabError('not_found', { detail: 'accountId names no active account.' })
    }
    return account
  }

  async #conversation(grants: Grants, id: string | undefined): Promise<Conversation> {
    const row = id === undefined ? null : await this.#fresh('events', id, async () => (await this.#options.views.rows([id]))[0] ?? null)
    if (row === null || row.organizationId !== grants.organizationId || !mayAccount(grants, row.accountId))
      throw new ConfabError('not_found')
    return row
  }

  async #message(grants: Grants, { conversationId, messageId }: WishTarget): Promise<Message> {
    if (conversationId === undefined || messageId === undefined) throw new ConfabError('not_found')
    await this.#conversation(grants, conversationId)
    const message = await this.#fresh('events', conversationId, () => this.#options.views.message({ grants }, conversationId, messageId))
    if (message === null) throw new ConfabError('not_found')
    return message
  }

  async #contact(grants: Grants, id: string | undefined): Promise<Contact> {
    const contact =
      id === undefined
        ? null
        : await this.#fresh('contact-events', id, async () => (await this.#options.views.contact({ grants }, id)).item)
    if (contact === null) throw new ConfabError('not_found')
    return contact
  }

  /** What a view does not know may have been written a moment ago: once more when it has reached the log's end of now. */
  async #fresh<T>(topic: 'events' | 'contact-events', key: string, read: () => Promise<T | null>): Promise<T | null> {
    const first = await read()
    if (first !== null) return first
    const partition = partitionOf(key)
    const { end } = await this.#options.log.bounds(topic, partition)
    await this.#options.views.waitFor([{ topic, partition, offset: end }], FRESH_WAIT_MS)
    return read()
  }

  async #uploads(grants: Grants, body: unknown): Promise<Attachment[]> {
    const found: Attachment[] = []
    for (const { fileId } of saidOf(body as Parameters<typeof saidOf>[0]).attachments ?? []) {
      const attachment = await this.#options.uploads.find(grants, fileId)
      if (attachment === null) throw new ConfabError('attachment_not_found', { fields: { fileId } })
      found.push(attachment)
    }
    return found
  }
}

/** Which fields of a frame are the target's: a body's own field of the same name would be its own. */
const split = (type: WishName, fields: Readonly<Record<string, unknown>>): [Record<string, unknown>, Record<string, unknown>] => {
  const body = { ...fields }
  const target: Record<string, unknown> = {}
  for (const name of ['conversationId', 'messageId', 'contactId']) {
    if (!(name in body) || name in wishBodies[type].properties) continue
    target[name] = body[name]
    delete body[name]
  }
  return [target, body]
}

export const openWishes = (options: WishesOptions): Wishes => new WishDoor(options)
