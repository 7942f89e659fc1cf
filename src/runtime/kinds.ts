// Which actors an owner decides, and where each keeps what: the two families of partitions and their topics.
// Between the generic steps of an owner and the pure actors; binds settings and the machines' transition function.

import {
  decideContact,
  decideConversation,
  decideSettings,
  evolveContact,
  evolveConversation,
  evolveOrganization,
  loadContact,
  loadConversation,
  loadOrganization,
  type DecideContext,
  type Decision,
  type SettingsSlice,
} from '#actors'
import {
  addressRow,
  aliasRow,
  contactSnapshot,
  conversationSnapshot,
  earlyRow,
  echoesRow,
  effectDrop,
  effectFetch,
  effectProfile,
  effectSend,
  effectSignal,
  effectTell,
  effectTimer,
  keys,
  mark,
  messageRow,
  organizationSnapshot,
  profileRow,
  settingRecords,
  uniqueSetting,
  attributesRow,
  type AddressRow,
  type AliasRow,
  type AttributesRow,
  type EarlyRow,
  type EchoesRow,
  type Mark,
  type MessageRow,
  type ProfileRow,
  type SettingValue,
  type Token,
  type Unique,
  type Command,
  type ConversationSnapshot,
  type Event,
  type RecordShape,
  type StoredContent,
} from '#schemas/log'
import type { Topic } from '#topics'
import { transition } from './scope.ts'
import type { Settings } from './settings.ts'
import type { Routing } from './staged.ts'
import type { LoadedRows } from './store.ts'

/** What every actor's snapshot has. */
export interface AnySnapshot {
  readonly seq: number
  readonly at: number
}

export interface StepFacts {
  readonly rows: LoadedRows
  readonly now: number
  readonly input: number
}

export interface ActorKind {
  readonly shape: RecordShape<unknown>
  /** Shapes of the rows, marks, effects and settings that its decisions name. */
  readonly rowShapes: Readonly<Record<string, RecordShape<unknown>>>
  decide(snapshot: AnySnapshot | null, command: Command, facts: StepFacts): Decision<AnySnapshot>
  evolve(snapshot: AnySnapshot | null, event: Event, contents: readonly StoredContent[]): AnySnapshot
  /** A stored snapshot as today's machine reads it; null = fold anew from events. */
  load(stored: AnySnapshot): AnySnapshot | null
  routing(before: AnySnapshot | null, after: AnySnapshot | null): Routing | undefined
}

/** The actors that share an owner's partitions. */
export interface Family {
  readonly owner: 'conversations' | 'contacts'
  readonly commands: Topic
  readonly events: Topic
  readonly snapshots: Topic
  /** Where rows beside the snapshot lie. */
  readonly rows: Topic
  readonly actors: Readonly<Record<string, ActorKind | undefined>>
}

const effects = {
  send: effectSend,
  fetch: effectFetch,
  timer: effectTimer,
  tell: effectTell,
  drop: effectDrop,
  signal: effectSignal,
  profile: effectProfile,
} as const

/** Message, alias and early rows share one key space (conversation/id): which one lies there shows in its fields. */
const rowAt = <T extends object>(rows: LoadedRows, key: string, isOne: (row: object) => boolean): T | null => {
  const row = rows.get('messages', key)
  return row !== null && isOne(row) ? (row as T) : null
}
const isMessage = (row: object): boolean => 'direction' in row
const isEarly = (row: object): boolean => 'reports' in row
const isAlias = (row: object): boolean => !isMessage(row) && !isEarly(row)

/** The rows an actor may ask for, by the keys of its own subject. */
const rowsOf = (rows: LoadedRows, subjectId: string): DecideContext['rows'] => ({
  message: (id) => rowAt<MessageRow>(rows, keys.message(subjectId, id), isMessage),
  alias: (id) => rowAt<AliasRow>(rows, keys.message(subjectId, id), isAlias),
  early: (id) => rowAt<EarlyRow>(rows, keys.message(subjectId, id), isEarly),
  address: () => (rows.get('messages', keys.address(subjectId)) as AddressRow | null)?.address ?? null,
  echoes: () => (rows.get('messages', keys.echoes(subjectId)) as EchoesRow | null)?.held ?? [],
  attributes: () => (rows.get('messages', keys.attributes(subjectId)) as AttributesRow | null)?.attributes ?? null,
  mark: (agentId) => rows.get('marks', keys.mark(subjectId, agentId)) as Mark | null,
  profile: () => rows.get('contacts', keys.profile(subjectId)) as ProfileRow | null,
  setting: (kind, id) => rows.get('config', keys.setting(kind, id)) as SettingValue[typeof kind] | null,
  unique: (id) => rows.get('config', keys.unique(id)) as Unique | null,
})

/** Another organization's settings do not exist here. */
const ownOf = <T extends { organizationId: string }>(value: T | undefined, organizationId: string): T | undefined =>
  value?.organizationId === organizationId ? value : undefined

/** A bot is whom its token lets in. */
const botOf = (token: Token | undefined): Token | undefined => (token?.role === 'bot' ? token : undefined)

const sliceOf = (settings: Settings, organizationId: string, accountId: string | undefined): SettingsSlice => {
  const account = accountId === undefined ? undefined : settings.account(accountId)
  const organization = settings.organization(organizationId)
  return {
    offset: settings.offsetOf(organizationId),
    ...(account === undefined ? {} : { account }),
    ...(organization === undefined ? {} : { organization }),
    agent: (id) => ownOf(settings.agent(id), organizationId),
    label: (id) => ownOf(settings.label(id), organizationId) !== undefined,
    bot: (id) => botOf(ownOf(settings.get('token', id), organizationId)),
    // There are no teams among the settings yet: whatever is named is none.
    team: () => false,
  }
}

/** A conversation's account: of its snapshot, or of the command that creates it. */
const accountIdOf = (snapshot: AnySnapshot | null, command: Command): string | undefined =>
  (snapshot as ConversationSnapshot | null)?.accountId ?? (command.data as { accountId?: string }).accountId

// An actor decides its own commands and snapshots only; the family's table keeps them together.
const bind =
  <S extends AnySnapshot, C extends Command>(
    decide: (snapshot: S | null, command: C, context: DecideContext) => Decision<S>,
    settings: Settings,
  ) =>
  (snapshot: AnySnapshot | null, command: Command, facts: StepFacts) =>
    decide(snapshot as S | null, command as C, {
      rows: rowsOf(facts.rows, command.actor.id),
      settings: sliceOf(settings, command.organizationId, accountIdOf(snapshot, command)),
      now: facts.now,
      input: facts.input,
      transition,
    }) satisfies Decision<AnySnapshot>

const noRouting = (): undefined => undefined

const routingOf = (before: AnySnapshot | null, after: AnySnapshot | null): Routing | undefined => {
  const snapshot = (after ?? before) as ConversationSnapshot | null
  if (snapshot === null) return undefined
  const old = before as ConversationSnapshot | null
  const offered = [snapshot.offer?.to, old?.offer?.to].filter((to) => to !== undefined)
  const people = offered.filter(({ kind }) => kind !== 'team').map(({ id }) => id)
  const ids = [snapshot.assignee?.id, old?.assignee?.id, ...people].filter((id) => id !== undefined)
  // To whom it is offered does not have it: who watches what nobody has goes on seeing it.
  if (people.length > 0 && (snapshot.assignee === null || old?.assignee === null)) ids.push('none')
  const offeredTeams = offered.filter(({ kind }) => kind === 'team').map(({ id }) => id)
  const teams = [snapshot.teamId, old?.teamId, ...offeredTeams].filter((id) => id !== null && id !== undefined)
  return { account: snapshot.accountId, assignee: [...new Set(ids)].join(' '), team: [...new Set(teams)].join(' ') }
}

/** The two families with the settings they decide by. */
export const openFamilies = (settings: Settings): readonly Family[] => {
  const conversation: ActorKind = {
    shape: conversationSnapshot,
    rowShapes: {
      ...effects,
      message: messageRow,
      alias: aliasRow,
      early: earlyRow,
      echoes: echoesRow,
      address: addressRow,
      attributes: attributesRow,
      mark,
    },
    decide: bind(decideConversation, settings),
    evolve: (snapshot, event, contents) => evolveConversation(snapshot as never, event, contents, transition),
    load: (stored) => loadConversation(stored),
    routing: routingOf,
  }
  const organization: ActorKind = {
    shape: organizationSnapshot,
    rowShapes: { ...effects, ...settingRecords, unique: uniqueSetting },
    decide: bind(decideSettings, settings),
    evolve: (snapshot, event, contents) => evolveOrganization(snapshot as never, event, contents, transition),
    load: (stored) => loadOrganization(stored),
    routing: noRouting,
  }
  const contact: ActorKind = {
    shape: contactSnapshot,
    rowShapes: { ...effects, profile: profileRow },
    decide: bind(decideContact, settings),
    evolve: (snapshot, event, contents) => evolveContact(snapshot as never, event, contents, transition),
    load: (stored) => loadContact(stored),
    routing: noRouting,
  }
  return [
    {
      owner: 'conversations',
      commands: 'commands',
      events: 'events',
      snapshots: 'conversations',
      rows: 'messages',
      actors: { conversation, organization },
    },
    {
      owner: 'contacts',
      commands: 'contact-commands',
      events: 'contact-events',
      snapshots: 'contacts',
      rows: 'contacts',
      actors: { contact },
    },
  ]
}
