// What a decision is given and what it returns.
// Between the pure actors of this folder and the runtime that loads, commits and carries out.

import type {
  Account,
  Address,
  AddressRow,
  Agent,
  AliasRow,
  AttributesRow,
  EarlyRow,
  EchoesRow,
  EffectDrop,
  EffectFetch,
  EffectProfile,
  EffectSend,
  EffectSignal,
  EffectTell,
  EffectTimer,
  Event,
  Mark,
  MessageRow,
  Organization,
  ProfileRow,
  SettingKind,
  SettingValue,
  StoredContent,
  Unique,
} from '#schemas/log'
import type { AnyStateMachine } from 'xstate'

/** A machine's place: its state value and its context, plain data both. */
export interface Place<C = unknown> {
  readonly value: string
  readonly context: C
}

export interface Stepped<C = unknown> extends Place<C> {
  /** Names of the actions that the machine asks for, in order. */
  readonly actions: readonly string[]
}

/** One step of a machine; the same place and no actions where it does not know the event in its state. */
export type Transition = <C>(machine: AnyStateMachine, place: Place<C>, event: { readonly type: string }) => Stepped<C>

/** The rows a command may need, as the log and the running batch hold them; null = none. */
export interface Rows {
  message(messageId: string): MessageRow | null
  /** Key conversation/aliasId; null also where an early row lies there. */
  alias(aliasId: string): AliasRow | null
  /** Key conversation/aliasId; null also where an alias row lies there. */
  early(aliasId: string): EarlyRow | null
  address(): Address | null
  /** Echoes held until the sends that they may be have their answers, as commands in their bytes. */
  echoes?(): readonly Uint8Array[]
  attributes(): AttributesRow['attributes']
  mark(agentId: string): Mark | null
  profile(): ProfileRow | null
  setting<K extends SettingKind>(kind: K, id: string): SettingValue[K] | null
  unique(id: string): Unique | null
}

/** The settings a decision goes by; `offset` in `config` is recorded in each event, -1 = none. */
export interface SettingsSlice {
  readonly offset: number
  readonly account?: Account | undefined
  readonly organization?: Organization | undefined
  agent?(agentId: string): Agent | undefined
  label?(labelId: string): boolean
  /** Accounts it is listed for; none = all. undefined where there is no such bot. */
  bot?(botId: string): { readonly accountIds: readonly string[] } | undefined
  team?(teamId: string): boolean
}

export interface DecideContext {
  readonly rows: Rows
  readonly settings: SettingsSlice
  /** Milliseconds since 1970 by the owner's clock. */
  readonly now: number
  /** Offset of the command. */
  readonly input: number
  readonly transition: Transition
}

interface RowValues {
  message: MessageRow
  alias: AliasRow
  early: EarlyRow
  echoes: EchoesRow
  address: AddressRow
  attributes: AttributesRow
  profile: ProfileRow
}
/** `profile` lies in `contacts`, the others in `messages`. null = tombstone. */
export type RowChange = {
  [K in keyof RowValues]: { readonly key: string; readonly shape: K; readonly value: RowValues[K] | null }
}[keyof RowValues]

interface EffectValues {
  send: EffectSend
  fetch: EffectFetch
  timer: EffectTimer
  tell: EffectTell
  drop: EffectDrop
  signal: EffectSignal
  profile: EffectProfile
}
export type EffectShape = keyof EffectValues
/** null = the effect has ended. */
export type EffectChange = {
  [K in EffectShape]: { readonly key: string; readonly shape: K; readonly value: EffectValues[K] | null }
}[EffectShape]

export interface MarkChange {
  readonly key: string
  readonly value: Mark | null
}

interface SettingValues extends SettingValue {
  unique: Unique
}
export type SettingChange = {
  [K in keyof SettingValues]: { readonly key: string; readonly kind: K; readonly value: SettingValues[K] | null }
}[keyof SettingValues]

/** `createdId`: the message or setting made. `code`: of src/errors.ts. */
export type DecidedOutcome =
  | { readonly accepted: true; readonly seq: number; readonly createdId: string | null }
  | { readonly accepted: false; readonly code: string; readonly fields: Readonly<Record<string, unknown>> }

export interface Decision<S> {
  /** After all events; the same reference when nothing changed. */
  readonly snapshot: S | null
  readonly events: readonly Event[]
  /** Of each event, at the same index. */
  readonly contents: readonly (readonly StoredContent[])[]
  readonly rows: readonly RowChange[]
  readonly marks: readonly MarkChange[]
  readonly effects: readonly EffectChange[]
  readonly settings: readonly SettingChange[]
  /** Keys of contents to tombstone. */
  readonly drops: readonly string[]
  /** null where the command asked for none. */
  readonly outcome: DecidedOutcome | null
}
