// The projections: an entry's frame for all who see everything, for the contact, and for its author or owner alone.
// Between entries and sessions; each is encoded once, at its first recipient, and its bytes serve all the others.

import type { Grants } from '#schemas'
import {
  clientKeyOf,
  decode,
  decodeContent,
  decodeEvent,
  eventToContactJson,
  eventToJson,
  isoOf,
  mark,
  settingRecords,
  type Account,
  type Agent,
  type ContentOptions,
  type Event,
  type Label,
  type Mark,
  type Organization,
  type Principal,
  type SettingKind,
  type StoredContent,
} from '#schemas/log'
import type { StoredRecord } from '#log'
import { slotOf, topicOf, type Cursors } from './cursor.ts'
import { textFrame } from './doors/frames.ts'
import type { Entry, Frames, Projection } from './tail/entry.ts'

export interface ProjectorOptions {
  readonly cursors: Pick<Cursors, 'sealSlot'>
  /** The name under which a contact knows who wrote; undefined = none. */
  readonly publicName: (principal: Principal) => string | undefined
  /** Makes the link of a stored file. */
  readonly fileUrl?: ((organizationId: string, fileId: string) => string) | undefined
  /** Contents erased before the entry was read from the log: up to which seq of the subject. */
  readonly erasedUpTo: (subjectId: string) => number
  readonly onEncoded?: () => void
  readonly onUnreadable: (entry: Entry, error: unknown) => void
}

export interface Projector {
  /** The frame that a principal who sees the entry is sent; null = nothing. */
  frameFor(entry: Entry, grants: Grants): Buffer | null
}

/** A mark as others see it: read up to where, never what is being written. */
export const othersMark = ({ conversationId, agentId, readUpTo, at }: Mark): object => ({
  conversationId,
  agentId,
  readUpTo,
  at: isoOf(at),
})
/** One's own, the draft included. */
export const ownMark = (value: Mark): object => ({
  ...othersMark(value),
  draft: value.draft,
  draftRev: value.draftRev,
  isNoteDraft: value.isNoteDraft,
})

/** What clients may know of each kind of setting. Kinds without a case are never pushed: tokens, sessions; nor are fields not named here. */
const settingViews = {
  organization: ({ name, reopenToAgentHours }: Organization) => ({ name, reopenToAgentHours }),
  account: ({ name, channel, externalId, replyGuard, isActive }: Account) => ({ name, channel, externalId, replyGuard, isActive }),
  agent: ({ name, email, role, isActive, isAvailable }: Agent) => ({ name, email, role, isActive, isAvailable }),
  label: ({ name, color, description }: Label) => ({ name, color, description }),
} as const

/** The public form of a setting; undefined where the kind has none. */
const settingView = (kind: string, id: string, value: Uint8Array): object | undefined => {
  if (!(kind in settingViews)) return undefined
  const setting = decode(settingRecords[kind as SettingKind], value)
  return { id, ...settingViews[kind as keyof typeof settingViews](setting as never) }
}

class FrameProjector implements Projector {
  readonly #options: ProjectorOptions

  constructor(options: ProjectorOptions) {
    this.#options = options
  }

  frameFor(entry: Entry, grants: Grants): Buffer | null {
    if (grants.kind === 'contact') return this.#frameOf(entry, 'contact')
    if (entry.routing?.agentId === grants.id) return this.#frameOf(entry, 'own')
    // Encoding it tells whose it is.
    const full = this.#frameOf(entry, 'full')
    return entry.routing?.kind === 'conversation' && entry.ownerId === grants.id ? this.#frameOf(entry, 'own') : full
  }

  #frameOf(entry: Entry, wanted: Projection): Buffer | null {
    const frames: Frames = entry.frames
    const known = frames[wanted]
    return known === undefined ? (frames[wanted] = this.#encode(entry, wanted)) : known
  }

  #encode(entry: Entry, wanted: Projection): Buffer | null {
    this.#options.onEncoded?.()
    const topic = topicOf(entry.stream)
    try {
      if (topic === 'marks') return this.#mark(entry, wanted)
      return topic === 'config' ? this.#setting(entry, wanted) : this.#event(entry, wanted)
    } catch (error) {
      // A poisonous record is nobody's frame, and stops no other.
      this.#options.onUnreadable(entry, error)
      return null
    }
  }

  #event(entry: Entry, wanted: Projection): Buffer | null {
    const event = decodeEvent(entry.record.headers['type'] ?? '', valueOf(entry.record))
    const isErased = entry.isErased || event.seq <= this.#options.erasedUpTo(event.subjectId)
    const contents = isErased ? [] : entry.contents.map((record) => decodeContent(record.headers['type'] ?? '', valueOf(record)))
    if (wanted === 'contact') return this.#contactEvent(entry, event, contents)
    const clientKey = clientKeyOf(contents)
    entry.ownerId = clientKey === null ? null : event.by.id
    const json = eventToJson(event, contents, this.#linksOf(event))
    if (wanted === 'own' && clientKey !== null) json.data['clientId'] = clientKey
    return this.#frame('event', entry, { event: json })
  }

  #linksOf({ organizationId }: Event): ContentOptions {
    const { fileUrl } = this.#options
    return fileUrl === undefined ? {} : { fileUrl: (fileId) => fileUrl(organizationId, fileId) }
  }

  #contactEvent(entry: Entry, event: Event, contents: readonly StoredContent[]): Buffer | null {
    const json = eventToContactJson(event, contents, this.#options.publicName, this.#linksOf(event))
    if (json === null) return null
    // Of a conversation only its contact writes as a contact: the key is its own.
    const clientKey = event.by.kind === 'contact' ? clientKeyOf(contents) : null
    if (clientKey !== null) json.data['clientId'] = clientKey
    return this.#frame('event', entry, { event: json })
  }

  #mark(entry: Entry, wanted: Projection): Buffer {
    const value = decode(mark, valueOf(entry.record))
    if (wanted === 'contact') {
      // The mark's own rev counts drafts: a contact is told none of it.
      const { conversationId, readUpToContactSeq } = value
      return this.#frame('state', entry, { kind: 'read', id: conversationId, rev: readUpToContactSeq, value: { readUpToContactSeq } })
    }
    const shown = wanted === 'own' ? ownMark(value) : othersMark(value)
    return this.#frame('state', entry, { kind: 'mark', id: entry.record.key, rev: value.rev, value: shown })
  }

  #setting(entry: Entry, wanted: Projection): Buffer | null {
    if (wanted !== 'full' || entry.routing === undefined) return null
    const { type, subjectId, seq } = entry.routing
    const value = entry.record.value === null ? null : settingView(type, subjectId, entry.record.value)
    return value === undefined ? null : this.#frame('state', entry, { kind: type, id: subjectId, rev: seq, value })
  }

  #frame(frame: 'event' | 'state', entry: Entry, rest: object): Buffer {
    const { stream, next, fingerprint } = entry
    const cursor = this.#options.cursors.sealSlot({ stream, next, distance: 1, fingerprint })
    return textFrame(JSON.stringify({ frame, cursor, slot: slotOf(stream), ...rest }))
  }
}

export const openProjector = (options: ProjectorOptions): Projector => new FrameProjector(options)

const valueOf = (record: StoredRecord): Uint8Array => record.value ?? new Uint8Array()

/** What a contact's socket has been told of reading: only news is worth a frame, and a draft must not look like one. */
export const readUpToOf = (entry: Entry): number => decode(mark, valueOf(entry.record)).readUpToContactSeq
