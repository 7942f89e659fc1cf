// The command door: appends a wish to its actor's partition and, where it asks, waits for the one outcome.
// Between the edges (HTTP, socket, effects) and the log; tails all `outcomes` before it is ready.

import {
  commandRecords,
  decode,
  derivePlain,
  deriveKeyed,
  bodyHashOf,
  encode,
  outcome as outcomeShape,
  type Command,
  type CommandData,
  type CommandType,
  type Outcome,
  type Principal,
  type SubjectKind,
} from '#schemas/log'
import { ConfabError, errors, type ErrorCode } from '#errors'
import { openTails, partitionOf, type Entry, type Log, type LogRecord, type StoredRecord, type Tails } from '#log'
import { PARTITIONS } from '#topics'
import type { Settings } from './settings.ts'

/** A wish of a principal, before it has an id. */
export interface Submission<T extends CommandType = CommandType> {
  readonly type: T
  readonly organizationId: string
  readonly actor: { readonly kind: SubjectKind; readonly id: string }
  readonly by: Principal
  readonly data: CommandData[T]
  /** The client's own key (`Idempotency-Key`, a socket command's `id`), 1 to 64 characters; drawn where none came. */
  readonly key?: string
  /** What the keyed body hash covers: the request's body as canonical JSON; "" where no key came. */
  readonly body?: string
}

/** An accepted command's answer. A refused one throws ConfabError with the outcome's code and fields. */
export interface Answer {
  readonly commandId: string
  readonly subject: { readonly kind: SubjectKind; readonly id: string }
  readonly seq: number
  readonly createdId: string | null
  /** Partition of the command's topic, which its subject's events share. */
  readonly partition: number
}

export interface Commands {
  /** Appends and waits for the outcome. Throws `outcome_pending` (504) after 10 s, `overloaded` (503) beyond the bound of waiters. */
  /** `behind`: records of the same actor that follow the command in the log with nothing between. */
  submit<T extends CommandType>(submission: Submission<T>, behind?: readonly LogRecord[]): Promise<Answer>
  /** The id `submit` would give; for ids that must be known before (an outbound message). */
  commandIdOf(submission: Submission): string
  /** Appends commands nobody waits for; durable when resolved. */
  post(commands: readonly Command[], extra?: readonly Entry[]): Promise<void>
  close(): Promise<void>
}

export interface CommandsOptions {
  readonly log: Log
  readonly settings: Pick<Settings, 'idKey' | 'organization' | 'catchUp'>
  readonly clock: () => number
  /** 16 random bytes, hex: the key of a command that came without one. */
  readonly drawKey: () => string
  readonly onError: (error: unknown) => void
  /** The node's tails; without them it keeps its own. A tail that ends with `tail_lost` is told to `onError`. */
  readonly tails?: Pick<Tails, 'follow'>
  readonly timeoutMs?: number
  readonly waitersMax?: number
}

const TIMEOUT_MS = 10_000
/** How long a settings write waits for its own node's projection. */
const SETTINGS_MS = 2_000
/** Commands that may wait for an outcome at once; beyond it `overloaded`. */
const WAITERS_MAX = 20_000

interface Waiter {
  readonly bodyHash: string
  readonly partition: number
  readonly settle: (result: Outcome | Error) => void
}

/** Partition, key and topic of a command: its actor's, the organization's for settings. */
export const recordOf = (command: Command): { entry: { topic: 'commands' | 'contact-commands'; partition: number }; record: LogRecord } => {
  const key = command.actor.id
  return {
    entry: { topic: command.actor.kind === 'contact' ? 'contact-commands' : 'commands', partition: partitionOf(key) },
    record: {
      key,
      value: encode(commandRecords[command.type] as never, command as never),
      headers: { type: command.type, commandId: command.commandId },
      time: command.at,
    },
  }
}

class CommandDoor implements Commands {
  readonly #options: CommandsOptions
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #abort = new AbortController()
  #count = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(options: CommandsOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const bounds = await Promise.all(partitions.map((partition) => this.#options.log.bounds('outcomes', partition)))
    const from = partitions.map((partition) => ({ topic: 'outcomes' as const, partition, offset: bounds[partition]?.end ?? 0 }))
    this.#loop = this.#tail(from).catch(this.#options.onError)
  }

  async #tail(from: Parameters<Log['read']>[0]): Promise<void> {
    const { log, onError, tails = openTails({ log, onOutage: onError }) } = this.#options
    for await (const chunk of tails.follow('outcomes', from, { signal: this.#abort.signal })) {
      for (const record of chunk.records) this.#settle(record)
    }
  }

  #settle(record: StoredRecord): void {
    if (record.headers['type'] !== 'outcome' || record.value === null) return
    const waiters = this.#waiters.get(record.key)
    if (waiters === undefined) return
    this.#waiters.delete(record.key)
    const result = readOutcome(record.value)
    for (const waiter of waiters) waiter.settle(result)
  }

  commandIdOf(submission: Submission): string {
    const { organizationId, by, type, actor, key } = submission
    return this.#idOf(organizationId, [organizationId, by.kind, by.id ?? '', type, actor.id, key ?? this.#options.drawKey()])
  }

  #idOf(organizationId: string, parts: readonly string[]): string {
    // Before its first record an organization has no id key; nothing from outside is in the parts then.
    if (this.#options.settings.organization(organizationId) === undefined) return derivePlain('command', parts)
    return deriveKeyed(this.#options.settings.idKey(organizationId), 'command', parts)
  }

  submit<T extends CommandType>(submission: Submission<T>, behind: readonly LogRecord[] = []): Promise<Answer> {
    if (this.#count >= (this.#options.waitersMax ?? WAITERS_MAX)) {
      return Promise.reject(new ConfabError('overloaded', { retryAfterSeconds: 1 }))
    }
    const { organizationId, actor, by, type, data } = submission
    const bodyHash = submission.key === undefined ? '' : bodyHashOf(this.#options.settings.idKey(organizationId), submission.body ?? '')
    const command = {
      commandId: this.commandIdOf(submission),
      organizationId,
      actor,
      by,
      asksOutcome: true,
      bodyHash,
      at: this.#options.clock(),
      type,
      data,
    } as unknown as Command
    const { entry, record } = recordOf(command)
    return this.#wait(command, entry.partition, () => this.#options.log.append([{ ...entry, records: [record, ...behind] }]))
  }

  async #wait(command: Command, partition: number, append: () => Promise<void>): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const waiter: Waiter = {
      bodyHash: command.bodyHash,
      partition,
      settle: (result) => (result instanceof Error ? reject(result) : resolve(result)),
    }
    const waiters = this.#waiters.get(command.commandId) ?? new Set()
    this.#waiters.set(command.commandId, waiters.add(waiter))
    this.#count++
    const timer = setTimeout(
      () => reject(new ConfabError('outcome_pending', { retryAfterSeconds: 1 })),
      this.#options.timeoutMs ?? TIMEOUT_MS,
    )
    try {
      await Promise.race([append(), promise])
      const answer = answerOf(await promise, command, partition)
      // Who wrote a setting finds it in effect on this node.
      if (command.type === 'setting.write') await this.#options.settings.catchUp(SETTINGS_MS, command.organizationId)
      return answer
    } finally {
      clearTimeout(timer)
      this.#count--
      waiters.delete(waiter)
      if (waiters.size === 0 && this.#waiters.get(command.commandId) === waiters) this.#waiters.delete(command.commandId)
      // A rejected append leaves the promise without a listener.
      promise.catch(() => undefined)
    }
  }

  async post(commands: readonly Command[], extra: readonly Entry[] = []): Promise<void> {
    const entries: Entry[] = [...extra]
    for (const command of commands) {
      const { entry, record } = recordOf(command)
      entries.push({ ...entry, records: [record] })
    }
    await this.#options.log.append(entries)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.settle(new ConfabError('outcome_pending'))
    await this.#loop
  }
}

/** An outcome that cannot be read fails its own askers, and no other. */
const readOutcome = (bytes: Uint8Array): Outcome | Error => {
  try {
    return decode(outcomeShape, bytes)
  } catch (cause) {
    return new ConfabError('internal', { cause })
  }
}

const answerOf = (outcome: Outcome, command: Command, partition: number): Answer => {
  if (outcome.bodyHash !== command.bodyHash) throw new ConfabError('idempotency_mismatch')
  if (!outcome.isAccepted) {
    const code = outcome.code ?? ''
    const fields = JSON.parse(outcome.fields) as Record<string, unknown>
    throw new ConfabError(code in errors ? (code as ErrorCode) : 'internal', { fields })
  }
  return { commandId: outcome.commandId, subject: outcome.subject, seq: outcome.seq, createdId: outcome.createdId, partition }
}

/** Opens the door and starts to tail `outcomes` from their present ends. */
export const openCommands = async (options: CommandsOptions): Promise<Commands> => {
  const door = new CommandDoor(options)
  await door.start()
  return door
}
