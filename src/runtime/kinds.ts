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
  effectDrop,
  effectFetch,
  effectSend,
  effectTell,
  effectTimer,
  keys,
  mark,
  messageRow,
  organizationSnapshot,
  profileRow,
  settingRecords,
  uniqueSetting,
  type AddressRow,
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

const effects = { send: effectSend, fetch: effectFetch, timer: effectTimer, tell: effectTell, drop: effectDrop } as const

/** The rows an actor may ask for, by the keys of its own subject. */
const rowsOf = (rows: LoadedRows, subjectId: string): DecideContext['rows'] => ({
  message: (id) => rows.get('messages', keys.message(subjectId, id)) as never,
  alias: (id) => rows.get('messages', keys.message(subjectId, id)) as never,
  early: (id) => rows.get('messages', keys.message(subjectId, id)) as never,
  address: () => (rows.get('messages', keys.address(subjectId)) as AddressRow | null)?.address ?? null,
  mark: (agentId) => rows.get('marks', keys.mark(subjectId, agentId)) as never,
  profile: () => rows.get('contacts', keys.profile(subjectId)) as never,
  setting: (kind, id) => rows.get('config', keys.setting(kind, id)) as never,
  unique: (id) => rows.get('config', keys.unique(id)) as never,
})

const sliceOf = (settings: Settings, organizationId: string, accountId: string | undefined): SettingsSlice => {
  const account = accountId === undefined ? undefined : settings.account(accountId)
  const organization = settings.organization(organizationId)
  return {
    offset: settings.offsetOf(organizationId),
    ...(account === undefined ? {} : { account }),
    ...(organization === undefined ? {} : { organization }),
    agent: (id) => settings.agent(id),
    label: (id) => settings.label(id) !== undefined,
  }
}

/** A conversation's account: of its snapshot, or of the command that creates it. */
const accountIdOf = (snapshot: AnySnapshot | null, command: Command): string | undefined =>
  (snapshot as ConversationSnapshot | null)?.accountId ?? (command.data as { accountId?: string }).accountId

type Decide = (snapshot: never, command: never, context: DecideContext) => Decision<never>
const bind = (decide: Decide, settings: Settings) => (snapshot: AnySnapshot | null, command: Command, facts: StepFacts) =>
  decide(snapshot as never, command as never, {
    rows: rowsOf(facts.rows, command.actor.id),
    settings: sliceOf(settings, command.organizationId, accountIdOf(snapshot, command)),
    now: facts.now,
    input: facts.input,
    transition,
  }) as Decision<AnySnapshot>

const noRouting = (): undefined => undefined

const routingOf = (before: AnySnapshot | null, after: AnySnapshot | null): Routing | undefined => {
  const snapshot = (after ?? before) as ConversationSnapshot | null
  if (snapshot === null) return undefined
  const old = before as ConversationSnapshot | null
  const ids = [snapshot.assignee?.id, old?.assignee?.id].filter((id) => id !== undefined)
  const teams = [snapshot.teamId, old?.teamId].filter((id) => id !== null && id !== undefined)
  return { account: snapshot.accountId, assignee: [...new Set(ids)].join(' '), team: [...new Set(teams)].join(' ') }
}

/** The two families with the settings they decide by. */
export const openFamilies = (settings: Settings): readonly Family[] => {
  const conversation: ActorKind = {
    shape: conversationSnapshot,
    rowShapes: { ...effects, message: messageRow, alias: aliasRow, early: earlyRow, address: addressRow, mark },
    decide: bind(decideConversation as Decide, settings),
    evolve: (snapshot, event, contents) => evolveConversation(snapshot as never, event, contents, transition),
    load: (stored) => loadConversation(stored as never),
    routing: routingOf,
  }
  const organization: ActorKind = {
    shape: organizationSnapshot,
    rowShapes: { ...effects, ...settingRecords, unique: uniqueSetting },
    decide: bind(decideSettings as Decide, settings),
    evolve: (snapshot, event, contents) => evolveOrganization(snapshot as never, event, contents, transition),
    load: (stored) => loadOrganization(stored as never),
    routing: noRouting,
  }
  const contact: ActorKind = {
    shape: contactSnapshot,
    rowShapes: { ...effects, profile: profileRow },
    decide: bind(decideContact as Decide, settings),
    evolve: (snapshot, event, contents) => evolveContact(snapshot as never, event, contents, transition),
    load: (stored) => loadContact(stored as never),
    routing: noRouting,
  }
  return [
    { owner: 'conversations', commands: 'commands', events: 'events', snapshots: 'conversations', rows: 'messages', actors: { conversation, organization } },
    { owner: 'contacts', commands: 'contact-commands', events: 'contact-events', snapshots: 'contacts', rows: 'contacts', actors: { contact } },
  ]
}
