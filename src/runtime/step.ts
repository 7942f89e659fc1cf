// One command through one actor: load what it names, decide, stage what came out, or park what cannot be decided.
// Between a batch of an owner and the pure actors; the only place that calls them on the live path.

import {
  decodeAny,
  parkedMark,
  type Command,
  type DeadLetter,
  type Event,
  type Outcome,
  type ParkedMark,
  type StoredContent,
} from '#schemas/log'
import { rowsNeeded, type Decision } from '#actors'
import { faultOf, hasCode } from '#errors'
import type { Log, StoredRecord } from '#log'
import type { Topic } from '#topics'
import type { ActorKind, AnySnapshot, Family } from './kinds.ts'
import { StagedBatch, outcomeOf } from './staged.ts'
import { LoadedRows, MissingRow, type SnapshotCache } from './store.ts'

export interface StepOptions {
  readonly log: Log
  readonly family: Family
  readonly snapshots: SnapshotCache
  readonly clock: () => number
  /** A record was parked: someone must act. */
  readonly onParked: (facts: { topic: Topic; partition: number; offset: number; key: string; code: string; error: unknown }) => void
}

/** A decided batch, ready to commit. */
export interface Decided {
  readonly staged: StagedBatch
  /** Snapshots to put into the cache once the batch is committed. */
  readonly changed: ReadonlyMap<string, AnySnapshot>
  readonly commands: number
}

type AnyDecision = Decision<AnySnapshot>

interface Mail {
  readonly record: StoredRecord
  /** null: undecodable. */
  readonly command: Command | null
  readonly error?: unknown
}

/** Where poison parked an actor: key in the snapshots' topic. */
const parkedKey = (actorId: string): string => `${actorId}/parked`

/** Where a parked command comes from when an operator sends it again: the unparking command, and its dead letter. */
interface Replay {
  readonly id: string
  readonly letter: string
}

/** The headers `replay` and `letter`, of commands sent again by dead-letters.ts. */
const replayOf = ({ headers: { replay, letter } }: StoredRecord): Replay | undefined =>
  replay === undefined || letter === undefined ? undefined : { id: replay, letter }

/** A row that cannot be decoded must not stop the partition; the command that needs it is parked. */
const MISSING_ROWS_MAX = 16

const open = (record: StoredRecord): Mail => {
  try {
    if (record.value === null) throw new Error('a command without a value')
    const command = decodeAny(record.value) as Command
    // The type travels in the header and the schema id; the record itself does not repeat it.
    command.type = record.headers['type'] as Command['type']
    return { record, command }
  } catch (error) {
    return { record, command: null, error }
  }
}

class BatchStep {
  readonly #options: StepOptions
  readonly #partition: number
  readonly #staged: StagedBatch
  readonly #rows: LoadedRows
  readonly #changed = new Map<string, AnySnapshot>()

  constructor(options: StepOptions, partition: number) {
    this.#options = options
    this.#partition = partition
    this.#staged = new StagedBatch(partition)
    this.#rows = new LoadedRows(options.log, partition, this.#staged)
  }

  async run(records: readonly StoredRecord[]): Promise<Decided> {
    const mails = records.map(open)
    await this.#prefetch(mails)
    for (const mail of mails) await this.#one(mail)
    return { staged: this.#staged, changed: this.#changed, commands: records.length }
  }

  /** One look-up a topic for the whole batch. */
  async #prefetch(mails: readonly Mail[]): Promise<void> {
    const { family, snapshots } = this.#options
    const wanted = new Map<Topic, Set<string>>()
    const want = (topic: Topic, key: string): void => void (wanted.get(topic) ?? wanted.set(topic, new Set()).get(topic))?.add(key)
    for (const { command } of mails) {
      if (command === null) continue
      if (!snapshots.has(command.actor.id)) {
        want(family.snapshots, command.actor.id)
        want(family.snapshots, parkedKey(command.actor.id))
      }
      if (command.asksOutcome) want('outcomes', command.commandId)
      for (const row of rowsNeeded(command)) want(row.topic, row.key)
    }
    await Promise.all([...wanted].map(([topic, keys]) => this.#rows.load(topic, [...keys])))
  }

  async #one(mail: Mail): Promise<void> {
    const { command, record } = mail
    const kind = command === null ? undefined : this.#options.family.actors[command.actor.kind]
    const replay = replayOf(record)
    if (command === null || kind === undefined) {
      this.#dropLetter(replay)
      return this.#deadLetter(mail, 'undecodable', mail.error ?? new Error('no such actor'))
    }
    if (command.asksOutcome && this.#repeat(command)) return this.#dropLetter(replay)
    const parked = await this.#parkedAt(command.actor.id)
    if (command.type === 'actor.unpark') return this.#unpark(command, parked)
    if (parked !== null) return this.#wait(mail, command, parked)
    try {
      await this.#decide(kind, command, record.offset)
    } catch (error) {
      // Who asked can ask for less; nothing is wrong with the actor.
      if (command.asksOutcome && hasCode(error, 'record_too_large')) this.#answer(command, { code: 'record_too_large', fields: {} })
      else this.#park(mail, command, error)
    }
    this.#dropLetter(replay)
  }

  /** Behind poison: the command follows it into dead letters, in order. */
  #wait(mail: Mail, command: Command, parked: ParkedMark): void {
    const replay = replayOf(mail.record)
    // Its unparking was refused: its letter still lies where it was, and so does its place in the order.
    if (replay !== undefined && parked.replay !== replay.id) return
    this.#dropLetter(replay)
    this.#deadLetter(mail, 'conversation_parked', null)
    this.#mark(command, { ...parked, letters: parked.letters === 0 ? 0 : parked.letters + 1 })
    this.#answer(command, { code: 'conversation_parked', fields: {} })
  }

  /** An operator has seen all that is parked: the next commands in the log are those, or are discarded. */
  #unpark(command: Command<'actor.unpark'>, parked: ParkedMark | null): void {
    const { letters, drops } = command.data
    // 0 = a mark that did not count.
    const waiting = parked?.letters === 0 ? letters : (parked?.letters ?? 0)
    if (waiting !== letters) return this.#answer(command, { code: 'dead_letters_changed', fields: { letters: waiting } })
    if (parked !== null) this.#mark(command, null)
    for (const key of drops) this.#staged.dropLetter(key, this.#options.clock())
    this.#answer(command, { seq: 0, createdId: null })
  }

  #mark(command: Command, value: ParkedMark | null): void {
    const { family, clock } = this.#options
    this.#staged.put(family.snapshots, parkedKey(command.actor.id), { shape: parkedMark, value, time: value?.at ?? clock() })
  }

  #dropLetter(replay: Replay | undefined): void {
    if (replay !== undefined) this.#staged.dropLetter(replay.letter, this.#options.clock())
  }

  /** The first outcome answers a repeat; a parked answer was provisional and does not. */
  #repeat(command: Command): boolean {
    const first = this.#rows.get('outcomes', command.commandId) as Outcome | null
    if (first === null || first.code === 'conversation_parked') return false
    this.#staged.outcome(first, this.#options.clock())
    return true
  }

  async #parkedAt(actorId: string): Promise<ParkedMark | null> {
    const { family, snapshots } = this.#options
    if (this.#changed.has(actorId) || snapshots.has(actorId))
      return (this.#staged.value(family.snapshots, parkedKey(actorId)) as ParkedMark | null) ?? null
    await this.#rows.load(family.snapshots, [parkedKey(actorId)])
    return this.#rows.get(family.snapshots, parkedKey(actorId)) as ParkedMark | null
  }

  async #snapshot(kind: ActorKind, actorId: string): Promise<AnySnapshot | null> {
    const known = this.#changed.get(actorId) ?? (this.#options.snapshots.get(actorId) as AnySnapshot | undefined)
    if (known !== undefined) return known
    const { family, log } = this.#options
    await this.#rows.load(family.snapshots, [actorId])
    const stored = this.#rows.get(family.snapshots, actorId) as AnySnapshot | null
    if (stored === null) return null
    return kind.load(stored) ?? (await rebuildFromEvents(log, family, kind, { partition: this.#partition, actorId }))
  }

  async #decide(kind: ActorKind, command: Command, input: number): Promise<void> {
    const snapshot = await this.#snapshot(kind, command.actor.id)
    const now = Math.max(snapshot?.at ?? 0, this.#options.clock())
    for (let loads = 0; ; loads++) {
      try {
        return this.#stage(kind, command, snapshot, kind.decide(snapshot, command, { rows: this.#rows, now, input }))
      } catch (error) {
        // Decisions are pure, so running one again with one more row is harmless.
        if (!(error instanceof MissingRow) || loads >= MISSING_ROWS_MAX) throw error
        await this.#rows.load(error.topic, [error.key])
      }
    }
  }

  /** All of a decision or nothing: what cannot be written must not leave half of itself in the batch. */
  #stage(kind: ActorKind, command: Command, before: AnySnapshot | null, decision: AnyDecision): void {
    const { snapshot, outcome } = decision
    this.#staged.whole(() => {
      this.#stageRecords(kind, command.actor.id, { before, decision })
      if (outcome === null) return
      const { accepted } = outcome
      this.#answer(command, accepted ? { seq: outcome.seq, createdId: outcome.createdId } : { code: outcome.code, fields: outcome.fields })
    })
    if (snapshot !== null && snapshot !== before) this.#changed.set(command.actor.id, snapshot)
  }

  #stageRecords(kind: ActorKind, actorId: string, { before, decision }: { before: AnySnapshot | null; decision: AnyDecision }): void {
    const staged = this.#staged
    const { family } = this.#options
    const time = decision.snapshot?.at ?? this.#options.clock()
    const routing = kind.routing(before, decision.snapshot)
    for (const [index, event] of decision.events.entries()) staged.event(family.events, event, decision.contents[index] ?? [], routing)
    for (const key of decision.drops) staged.dropContent(family.events, key, time)
    for (const row of decision.rows) staged.put(family.rows, row.key, { shape: kind.rowShapes[row.shape] as never, value: row.value, time })
    for (const mark of decision.marks) staged.put('marks', mark.key, { shape: kind.rowShapes['mark'] as never, value: mark.value, time })
    for (const effect of decision.effects)
      staged.put('outbox', effect.key, { shape: kind.rowShapes[effect.shape] as never, value: effect.value, time })
    for (const setting of decision.settings)
      staged.put('config', setting.key, { shape: kind.rowShapes[setting.kind] as never, value: setting.value, time })
    if (decision.snapshot !== null && decision.snapshot !== before)
      staged.put(family.snapshots, actorId, { shape: kind.shape, value: decision.snapshot, time })
  }

  #answer(command: Command, result: Parameters<typeof outcomeOf>[1]): void {
    if (command.asksOutcome) this.#staged.outcome(outcomeOf(command, result), this.#options.clock())
  }

  /** Poison stops its own key only: later commands of the key follow it into dead letters, in order (G10). */
  #park(mail: Mail, command: Command, error: unknown): void {
    const { snapshots, clock } = this.#options
    this.#deadLetter(mail, 'poison', error)
    this.#mark(command, {
      actor: command.actor,
      offset: mail.record.offset,
      at: clock(),
      letters: 1,
      replay: replayOf(mail.record)?.id ?? null,
    })
    // Out of the cache, and of what goes into it: whoever loads it next sees the mark.
    snapshots.delete(command.actor.id)
    this.#changed.delete(command.actor.id)
    this.#answer(command, { code: 'conversation_parked', fields: {} })
  }

  #deadLetter(mail: Mail, code: string, error: unknown): void {
    const { family, clock, onParked } = this.#options
    const { record, command } = mail
    const letter: DeadLetter = {
      organizationId: command?.organizationId ?? null,
      topic: family.commands,
      partition: this.#partition,
      offset: record.offset,
      key: record.key,
      code,
      error: error === null ? '' : faultOf(error),
      at: clock(),
      isPoison: code !== 'conversation_parked',
      bytes: Buffer.from(record.value ?? []),
    }
    this.#staged.deadLetter(letter)
    onParked({ topic: family.commands, partition: this.#partition, offset: record.offset, key: record.key, code, error: letter.error })
  }
}

/** Decides a batch of commands of one partition, in order. Nothing of it is visible before its commit. */
export const decideBatch = (options: StepOptions, partition: number, records: readonly StoredRecord[]): Promise<Decided> =>
  new BatchStep(options, partition).run(records)

const REBUILD_PAGE = 500

/** Folds an actor anew from its events: for a snapshot that today's machine cannot read. null = no event either. */
export const rebuildFromEvents = async (
  log: Log,
  family: Family,
  kind: ActorKind,
  at: { partition: number; actorId: string },
): Promise<AnySnapshot | null> => {
  let snapshot: AnySnapshot | null = null
  for (let seq = 1; ; seq += REBUILD_PAGE) {
    const wanted = Array.from({ length: REBUILD_PAGE }, (_, index) => `${at.actorId}/${seq + index}`)
    for (const record of await log.latest(family.events, at.partition, wanted)) {
      if (record === null || record.value === null) return snapshot
      const event = Object.assign(decodeAny(record.value) as object, { type: record.headers['type'] }) as Event
      snapshot = kind.evolve(snapshot, event, [] as StoredContent[])
    }
  }
}
