// A decision in the making: events go through the actor's fold as they are decided, so the snapshot is never built another way.
// Between the rules of an actor and the Decision it returns.

import type { Command, Content, Event, EventType, MessageRow, Principal, StoredContent } from '#schemas/log'
import type { DecideContext, DecidedOutcome, Decision, EffectChange, MarkChange, RowChange, SettingChange } from './decision.ts'

/** How a draft of one kind of actor folds and what follows from an event. */
export interface DraftKind<S> {
  /** One step of the fold; `actions` name the effects the machine asks for. */
  step(snapshot: S | null, event: Event, contents: readonly StoredContent[]): { readonly snapshot: S; readonly actions: readonly string[] }
  /** The contact's number of the event; null = not shown to them. */
  contactSeqOf(snapshot: S | null, type: EventType, data: Event['data']): number | null
}

export interface Applied {
  readonly event: Event
  readonly contents: readonly StoredContent[]
  readonly actions: readonly string[]
}

const NONE: readonly never[] = []

export class Draft<S extends { readonly seq: number; readonly at: number }> {
  snapshot: S | null
  readonly command: Command
  readonly context: DecideContext
  readonly events: Event[] = []
  readonly contents: (readonly StoredContent[])[] = []
  readonly rows: RowChange[] = []
  readonly marks: MarkChange[] = []
  readonly effects: EffectChange[] = []
  readonly settings: SettingChange[] = []
  readonly drops: string[] = []
  #outcome: DecidedOutcome | null = null
  readonly #kind: DraftKind<S>

  constructor(snapshot: S | null, command: Command, { context, kind }: { context: DecideContext; kind: DraftKind<S> }) {
    this.snapshot = snapshot
    this.command = command
    this.context = context
    this.#kind = kind
  }

  /** max(previous `at`, the owner's clock): time never runs backwards in a stream. */
  get now(): number {
    return this.snapshot === null ? this.context.now : Math.max(this.snapshot.at, this.context.now)
  }

  get subjectId(): string {
    return this.command.actor.id
  }

  get nextSeq(): number {
    return this.snapshot === null ? 1 : this.snapshot.seq + 1
  }

  /** `by`: whose doing it is where that is not who sent the command, as when a scheduled message's time comes. */
  append(type: EventType, data: Event['data'], contents: readonly Content[] = NONE, by: Principal = this.command.by): Applied {
    const { command, snapshot } = this
    const seq = this.nextSeq
    const event = {
      type,
      organizationId: command.organizationId,
      subjectId: command.actor.id,
      seq,
      contactSeq: this.#kind.contactSeqOf(snapshot, type, data),
      at: this.now,
      by,
      commandId: command.commandId,
      ruleId: null,
      settingsOffset: this.context.settings.offset,
      contents: contents.length,
      data,
    } as Event
    const stored =
      contents.length === 0
        ? NONE
        : contents.map(
            ({ kind, body }, n) =>
              ({ kind, organizationId: command.organizationId, subjectId: command.actor.id, seq, n, body }) as StoredContent,
          )
    const { snapshot: after, actions } = this.#kind.step(snapshot, event, stored)
    this.snapshot = after
    this.events.push(event)
    this.contents.push(stored)
    return { event, contents: stored, actions }
  }

  /** A message row, as this decision has left it. */
  message(messageId: string): MessageRow | null {
    for (let index = this.rows.length - 1; index >= 0; index--) {
      const change = this.rows[index]
      if (change?.shape === 'message' && change.value?.messageId === messageId) return change.value
    }
    return this.context.rows.message(messageId)
  }

  /** The last value of a key counts. */
  putRow(change: RowChange): void {
    const index = this.rows.findIndex(({ key }) => key === change.key)
    if (index < 0) this.rows.push(change)
    else this.rows[index] = change
  }

  putEffect(change: EffectChange): void {
    const index = this.effects.findIndex(({ key }) => key === change.key)
    if (index < 0) this.effects.push(change)
    else this.effects[index] = change
  }

  accept(createdId: string | null = null, seq: number = this.snapshot?.seq ?? 0): this {
    this.#outcome = { accepted: true, seq, createdId }
    return this
  }

  refuse(code: string, fields: Readonly<Record<string, unknown>> = {}): this {
    this.#outcome = { accepted: false, code, fields }
    return this
  }

  done(): Decision<S> {
    const { snapshot, events, contents, rows, marks, effects, settings, drops } = this
    const outcome = this.command.asksOutcome ? (this.#outcome ?? { accepted: true, seq: snapshot?.seq ?? 0, createdId: null }) : null
    return { snapshot, events, contents, rows, marks, effects, settings, drops, outcome }
  }
}
