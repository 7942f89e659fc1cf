// Frames as server-sent events: an event's own type as its name, and as its id all that a resume needs.
// Between a session's frames and the text of one stream; events are encoded once for all streams.

import type { Scope } from '#schemas'
import { SLOT_CURSOR_LENGTH } from '../cursor.ts'
import { nameOf, textOf } from './packets.ts'
import type { Hello } from './reception.ts'

type Resume = NonNullable<Hello['resume']>

/** Events of the latest turns, which many streams are sent. */
const KNOWN_MAX = 512
/** Longer than any cursor. */
const CURSOR_MAX = 4_096
/** One slot's cursor within an id, behind the number of its slot. */
const SLOT = new RegExp(`^(\\d{1,2})(a[\\w-]{${SLOT_CURSOR_LENGTH - 1}})$`)

/** What follows the id, and whose place it moves. */
interface Encoded {
  readonly text: string
  readonly slot?: number
  readonly cursor?: string
}

const linesOf = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** Shared among streams: an event under its own type, a state as it is; the cursor is in the id. */
export class SseTexts {
  readonly #known = new Map<Buffer, Encoded>()

  of(frame: Buffer, name: 'event' | 'state'): Encoded {
    const known = this.#known.get(frame)
    if (known !== undefined) return known
    const { cursor, slot, event, ...rest } = JSON.parse(textOf(frame)) as { cursor: string; slot: number; event?: { type: string } }
    const encoded = { text: event === undefined ? linesOf(name, rest) : linesOf(event.type, event), slot, cursor }
    if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value as Buffer)
    this.#known.set(frame, encoded)
    return encoded
  }
}

/** The text of one stream, and the place that it has come to. */
export class SseText {
  readonly #texts: SseTexts
  #checkpoint = ''
  #slots = new Map<number, string>()
  #isRefused = false
  /** Until it has come there is no place to go on from: an id would skip it. */
  #awaitsSnapshot: boolean

  constructor(texts: SseTexts, awaitsSnapshot: boolean) {
    this.#texts = texts
    this.#awaitsSnapshot = awaitsSnapshot
  }

  /** Whether what the stream was opened for was refused: nothing more will come of it. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  of(frame: Buffer): string {
    const json = textOf(frame)
    const name = nameOf(json)
    if (name === 'event' || name === 'state') {
      const { text, slot, cursor } = this.#texts.of(frame, name)
      // Later ones of a slot replace earlier ones, and keep the order of first appearance.
      if (slot !== undefined && cursor !== undefined) this.#slots.set(slot, cursor)
      return `${this.#id()}${text}`
    }
    const said = JSON.parse(json) as { frame: string; cursor?: string; asOf?: string; kind?: string; afterMs?: number; id?: string }
    const { cursor, asOf, ...rest } = said
    if (name === 'ephemeral' && said.kind === 'catching-up') return ': catching up\n\n'
    if (name === 'reconnect') return `retry: ${said.afterMs}\n${linesOf(name, rest)}`
    // EventSource calls its own failures `error`.
    if (name === 'error') {
      this.#isRefused = said.id !== undefined
      return linesOf('problem', rest)
    }
    if (name === 'resync') this.#awaitsSnapshot = true
    if (name === 'snapshot') this.#awaitsSnapshot = false
    const place = cursor ?? asOf
    // The cursor of a welcome is not where a subscription begins that says so itself.
    if (place === undefined || name === 'welcome') return linesOf(name, rest)
    this.#checkpoint = place
    this.#slots = new Map()
    return `${this.#id()}${linesOf(name, rest)}`
  }

  /** The last words. */
  end(last: object): string {
    return linesOf('problem', last)
  }

  #id(): string {
    if (this.#awaitsSnapshot) return ''
    const slots = [...this.#slots].map(([slot, cursor]) => `.${slot}${cursor}`)
    return `id: ${this.#checkpoint}${slots.join('')}\n`
  }
}

/** Where an id says that a stream stood. What is no id of ours is answered by a resync, as any cursor that was altered. */
export const resumeOf = (id: string): Resume => {
  const [checkpoint = '', ...rest] = id.split('.')
  const places = rest.map((each) => SLOT.exec(each))
  if (checkpoint === '' || checkpoint.length > CURSOR_MAX || places.includes(null)) return { checkpoint: 'altered', slots: {} }
  return { checkpoint, slots: Object.fromEntries(places.map((place) => [place?.[1] ?? '', place?.[2] ?? ''])) }
}

const SCOPE = /^(account|team|assignee|conversation|contact):([\w-]{1,64})$/

/** `all`, or a kind and an id: `account:ID`, `assignee:me`. undefined for anything else. */
export const scopeOf = (text: string): Scope | undefined => {
  if (text === 'all') return { all: true }
  const [, kind, id] = SCOPE.exec(text) ?? []
  return kind === undefined || id === undefined ? undefined : ({ [kind]: id } as unknown as Scope)
}
