// Events of a partition into the target: each once, in order, with the contents that survive and the snapshot they fold to.
// Between segments and the target's log; a subject that the target knows up to its last event is left as it is.

import {
  contactSnapshot,
  conversationSnapshot,
  decodeAny,
  decodeContent,
  decodeEvent,
  encode,
  isContentType,
  keys,
  organizationSnapshot,
  recordTypeOf,
  subjectKindOf,
  type Event,
  type RecordShape,
  type StoredContent,
} from '#schemas/log'
import { evolveContact, evolveConversation, evolveOrganization, loadContact, loadConversation, loadOrganization } from '#actors'
import type { LogRecord, StoredRecord } from '#log'
import { transition } from '#runtime'
import type { Topic } from '#topics'
import type { Erasures } from './erasures.ts'
import { BYTES_MAX, conflict, RECORDS_MAX, recordOf, type Target } from './writing.ts'

interface AnySnapshot {
  readonly seq: number
  readonly at: number
}

interface Kind {
  readonly topic: Topic
  readonly shape: RecordShape<unknown>
  readonly load: (stored: unknown) => AnySnapshot | null
  readonly evolve: (snapshot: AnySnapshot | null, event: Event, contents: readonly StoredContent[]) => AnySnapshot
}

const kinds: Readonly<Record<string, Kind>> = {
  conversation: {
    topic: 'conversations',
    shape: conversationSnapshot,
    load: loadConversation,
    evolve: (snapshot, event, contents) => evolveConversation(snapshot as never, event, contents, transition),
  },
  organization: {
    topic: 'conversations',
    shape: organizationSnapshot,
    load: loadOrganization,
    evolve: (snapshot, event, contents) => evolveOrganization(snapshot as never, event, contents, transition),
  },
  contact: {
    topic: 'contacts',
    shape: contactSnapshot,
    load: loadContact,
    evolve: (snapshot, event, contents) => evolveContact(snapshot as never, event, contents, transition),
  },
}

/** An event with what lies directly before it. */
interface Step {
  readonly event: Event
  readonly record: StoredRecord
  readonly contents: readonly StoredRecord[]
}

/** Snapshots held between two commits. */
const SNAPSHOTS_MAX = 5_000

export interface FoldOptions {
  readonly target: Target
  readonly events: 'events' | 'contact-events'
  readonly erasures: Erasures
  /** What goes with a subject's last event: written just before it, so that a cut-off import writes it again. */
  readonly onLast: (subjectId: string) => Promise<void>
  /** subject → its last seq in the archive. */
  readonly lastSeqs: ReadonlyMap<string, number>
}

export class Folding {
  readonly #options: FoldOptions
  readonly #snapshots = new Map<string, AnySnapshot | null>()
  #contents: StoredRecord[] = []
  #steps: Step[] = []
  #bytes = 0

  constructor(options: FoldOptions) {
    this.#options = options
  }

  /** Takes the next record of the partition. */
  async add(record: StoredRecord): Promise<void> {
    const type = record.headers['type'] ?? ''
    this.#bytes += record.value?.length ?? 0
    if (isContentType(type)) return void this.#contents.push(record)
    const event = decodeEvent(type, record.value ?? new Uint8Array())
    const own = this.#contents.filter(({ key }) => key.startsWith(`${keys.event(event.subjectId, event.seq)}/`))
    this.#contents = []
    this.#steps.push({ event, record, contents: own })
    if (this.#steps.length >= RECORDS_MAX / 2 || this.#bytes >= BYTES_MAX) await this.flush()
  }

  async flush(): Promise<void> {
    const steps = this.#steps
    this.#steps = []
    this.#bytes = 0
    if (steps.length === 0) return
    const fresh = await this.#freshOf(steps)
    await this.#loadSnapshots(fresh)
    const changed = new Map<string, { readonly kind: Kind; readonly snapshot: AnySnapshot }>()
    const records: LogRecord[] = []
    for (const step of fresh) {
      const kind = kindOf(step.event)
      changed.set(step.event.subjectId, { kind, snapshot: this.#fold(kind, step) })
      for (const content of step.contents) if (!this.#options.erasures.dropsContent(content)) records.push(recordOf(content))
      records.push(recordOf(step.record))
    }
    for (const { event } of fresh)
      if (this.#options.lastSeqs.get(event.subjectId) === event.seq) await this.#options.onLast(event.subjectId)
    await this.#write(records, changed)
  }

  /** Those the target lacks. Throws `archive_conflict` where it has another event in the place. */
  async #freshOf(steps: readonly Step[]): Promise<Step[]> {
    const { target, events } = this.#options
    const held = await target.latest(
      events,
      steps.map(({ record }) => record.key),
    )
    return steps.filter(({ event }, index) => {
      const known = held[index]
      if (known === null || known === undefined) return true
      if (known.headers['commandId'] !== event.commandId || known.headers['type'] !== event.type)
        throw conflict(event.subjectId, `event ${event.seq} is another one there`)
      return false
    })
  }

  async #loadSnapshots(steps: readonly Step[]): Promise<void> {
    if (this.#snapshots.size > SNAPSHOTS_MAX) this.#snapshots.clear()
    const wanted = new Map<Topic, Set<string>>()
    for (const { event } of steps) {
      const { topic } = kindOf(event)
      if (!this.#snapshots.has(event.subjectId)) wanted.set(topic, (wanted.get(topic) ?? new Set()).add(event.subjectId))
    }
    for (const [topic, subjectIds] of wanted) {
      const held = await this.#options.target.latest(topic, [...subjectIds])
      for (const [index, subjectId] of [...subjectIds].entries()) this.#snapshots.set(subjectId, snapshotOf(held[index] ?? null))
    }
  }

  #fold(kind: Kind, { event, contents }: Step): AnySnapshot {
    const before = this.#snapshots.get(event.subjectId) ?? null
    if (event.seq !== (before?.seq ?? 0) + 1)
      throw conflict(event.subjectId, `it stands at ${before?.seq ?? 0} there, and ${event.seq} follows`)
    // An organization's fold reads its contents, which are never erased; the others' must not.
    const read =
      kind === kinds['organization']
        ? contents.map(({ headers, value }) => decodeContent(headers['type'] ?? '', value ?? new Uint8Array()))
        : []
    const after = kind.evolve(before, event, read)
    this.#snapshots.set(event.subjectId, after)
    return after
  }

  #write(
    records: readonly LogRecord[],
    changed: ReadonlyMap<string, { readonly kind: Kind; readonly snapshot: AnySnapshot }>,
  ): Promise<void> {
    const { target, events } = this.#options
    const { partition } = target
    const snapshots = new Map<Topic, LogRecord[]>()
    for (const [key, { kind, snapshot }] of changed) {
      const headers = { type: recordTypeOf(kind.shape) }
      const record = { key, value: encode(kind.shape, snapshot), headers, time: snapshot.at }
      snapshots.set(kind.topic, [...(snapshots.get(kind.topic) ?? []), record])
    }
    const rest = [...snapshots].map(([topic, all]) => ({ topic, partition, records: all }))
    return target.commit([{ topic: events, partition, records }, ...rest])
  }
}

const kindOf = ({ type }: Event): Kind => {
  const kind = kinds[subjectKindOf(type)]
  if (kind === undefined) throw new Error(`no actor has events of ${type}`)
  return kind
}

const snapshotOf = (record: StoredRecord | null): AnySnapshot | null => {
  if (record === null || record.value === null) return null
  const type = record.headers['type'] ?? ''
  const snapshot = kinds[type]?.load(decodeAny(record.value)) ?? null
  if (snapshot === null) throw conflict(record.key, `its snapshot there is one that this version cannot read`)
  return snapshot
}
