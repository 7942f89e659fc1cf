// Dead letters as an operator handles them: looked at by key, sent again in their order, or discarded.
// Between the tools and the owners, who alone end the parking of an actor: everything goes through the log as commands.

import { decodeAny, readableValue, recordTypeIn, type Command, type DeadLetter, type SubjectKind } from '#schemas/log'
import { ConfabError, hasCode } from '#errors'
import { partitionOf, type Log, type LogRecord, type Offset, type StoredRecord } from '#log'
import { PARTITIONS } from '#topics'
import type { Commands, Submission } from './commands.ts'

/** One thing that could not be processed. */
export interface Letter {
  /** Its own key in `dead-letters`. */
  readonly letter: string
  readonly topic: string
  readonly partition: number
  readonly offset: number | null
  readonly code: string
  readonly error: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly isPoison: boolean
  /** The command's type; null for webhooks and for what no schema explains. */
  readonly type: string | null
  readonly organizationId: string | null
}

/** All letters of one key: of an actor, or one webhook. */
export interface LetterKey {
  readonly key: string
  readonly actor: { readonly kind: SubjectKind; readonly id: string } | null
  readonly isParked: boolean
  /** By offset: the order in which they are sent again. */
  readonly letters: readonly Letter[]
}

export interface Replayed {
  readonly replayed: number
  readonly discarded: number
  /** Letters of the actor after it, where the replay met poison again; 0 = it is at work. */
  readonly parked: number
}

type Who = Pick<Submission, 'by' | 'organizationId'>

export interface DeadLetters {
  /** Keys with letters, the longest parked first; at most 1,000, `total` says how many there are. */
  list(organizationId: string): Promise<{ readonly items: readonly LetterKey[]; readonly total: number }>
  /** One key with what its letters hold, secrets masked; at most 500 letters. Throws `not_found`. */
  show(organizationId: string, key: string): Promise<LetterKey & { readonly contents: readonly unknown[] }>
  /**
   * Ends the parking and sends the parked commands again in order, before any later one; `skipPoison` discards what was poison.
   * Throws `not_found`, `dead_letter_not_replayable`, `dead_letters_too_many`, `dead_letters_changed`, and the command door's codes.
   */
  replay(who: Who, key: string, options?: { readonly skipPoison?: boolean }): Promise<Replayed>
  /** Ends the parking without them. Throws as `replay`. */
  discard(who: Who, key: string): Promise<Replayed>
}

export interface DeadLettersOptions {
  readonly log: Pick<Log, 'read' | 'bounds' | 'append'>
  readonly commands: Pick<Commands, 'submit' | 'commandIdOf'>
  readonly clock: () => number
  readonly drawKey: () => string
  /** Letters without an organization are shown where there is one alone. */
  readonly organizations: () => readonly unknown[]
}

const KEYS_MAX = 1000
const SHOWN_MAX = 500
/** Sent again or discarded in one go: their keys lie in one record. */
const LETTERS_MAX = 8000
/** Bytes sent again in one append. */
const REPLAY_BYTES_MAX = 32 * 1_048_576
/** Looks at the letters while new ones still arrive behind them. */
const LOOKS_MAX = 50

interface Kept {
  readonly facts: Letter
  readonly key: string
  readonly actor: LetterKey['actor']
  readonly partition: number
  /** Kept only where they are wanted. */
  readonly record: StoredRecord | null
}

const commandIn = (letter: DeadLetter): { type: string | null; actor: LetterKey['actor'] } => {
  try {
    if (letter.topic === 'raw') return { type: null, actor: null }
    const { kind, id } = (decodeAny(letter.bytes) as Command).actor
    return { type: recordTypeIn(letter.bytes) ?? null, actor: { kind, id } }
  } catch {
    return { type: null, actor: null }
  }
}

/** The letters of one key, as far as they have been read; they all lie in its partition. */
interface Pile {
  readonly organizationId: string
  readonly key: string
  readonly found: Map<string, Kept>
  next: Offset
}

/** Counted by the mark that parks its actor. */
const isWaiting = ({ facts }: Kept): boolean => facts.code === 'poison' || facts.code === 'conversation_parked'

const bytesOf = ({ record }: Kept): Buffer => (decodeAny(record?.value ?? new Uint8Array()) as DeadLetter).bytes

const groupOf = (key: string, letters: readonly Kept[]): LetterKey => ({
  key,
  actor: letters.find(({ actor }) => actor !== null)?.actor ?? null,
  isParked:
    letters.some(({ facts }) => facts.isPoison && facts.code === 'poison') ||
    letters.some(({ facts }) => facts.code === 'conversation_parked'),
  letters: letters.map(({ facts }) => facts),
})

const byOffset = (left: Kept, right: Kept): number => (left.facts.offset ?? 0) - (right.facts.offset ?? 0)

class LetterBox implements DeadLetters {
  readonly #options: DeadLettersOptions

  constructor(options: DeadLettersOptions) {
    this.#options = options
  }

  async list(organizationId: string): Promise<{ items: LetterKey[]; total: number }> {
    const byKey = Map.groupBy(await this.#all(organizationId), ({ key }) => key)
    const groups = [...byKey].map(([key, letters]) => groupOf(key, letters.sort(byOffset)))
    groups.sort((left, right) => (left.letters[0]?.at ?? 0) - (right.letters[0]?.at ?? 0))
    return { items: groups.slice(0, KEYS_MAX), total: groups.length }
  }

  async show(organizationId: string, key: string): Promise<LetterKey & { contents: unknown[] }> {
    const letters = (await this.#of(organizationId, key)).slice(0, SHOWN_MAX)
    const contents = letters.map(({ record }) =>
      readableValue({ topic: 'dead-letters', headers: record?.headers ?? {}, value: record?.value ?? null }),
    )
    return { ...groupOf(key, letters), contents }
  }

  replay(who: Who, key: string, options: { readonly skipPoison?: boolean } = {}): Promise<Replayed> {
    return this.#settle(who, key, ({ facts }) => options.skipPoison === true && facts.isPoison)
  }

  discard(who: Who, key: string): Promise<Replayed> {
    return this.#settle(who, key, () => true)
  }

  /** As long as commands arrive while it looks, their letters come too; then it looks again. */
  async #settle(who: Who, key: string, isDropped: (letter: Kept) => boolean): Promise<Replayed> {
    const pile: Pile = { organizationId: who.organizationId, key, found: new Map(), next: 0 }
    for (let look = 1; ; look++) {
      const letters = sorted(await this.#look(pile))
      const dropped = letters.filter(isDropped)
      // What no schema of this version explains stays where it is.
      const sent = letters.filter((letter) => !isDropped(letter) && letter.actor !== null)
      const bytes = sent.reduce((sum, { record }) => sum + (record?.value?.length ?? 0), 0)
      if (letters.length > LETTERS_MAX || bytes > REPLAY_BYTES_MAX)
        throw new ConfabError('dead_letters_too_many', { fields: { letters: letters.length } })
      if (sent.length + dropped.length === 0) throw new ConfabError('dead_letter_not_replayable')
      try {
        const actor = letters.find((letter) => letter.actor !== null)?.actor
        if (actor === undefined || actor === null) return await this.#withoutActor(dropped)
        return await this.#throughActor({ ...who, actor }, letters, { dropped, sent })
      } catch (error) {
        if (!hasCode(error, 'dead_letters_changed') || look === LOOKS_MAX) throw error
      }
    }
  }

  async #throughActor(
    who: Pick<Submission, 'by' | 'organizationId' | 'actor'>,
    letters: readonly Kept[],
    { dropped, sent }: { dropped: readonly Kept[]; sent: readonly Kept[] },
  ): Promise<Replayed> {
    const { commands, drawKey } = this.#options
    const parked = letters.filter(isWaiting).length
    const unpark = {
      ...who,
      type: 'actor.unpark' as const,
      key: drawKey(),
      data: { letters: parked, drops: dropped.map(({ facts }) => facts.letter) },
    }
    const replay = commands.commandIdOf(unpark)
    const again = sent.map((letter) => this.#again(letter, replay))
    await commands.submit(unpark, again)
    // Behind them all: what it is answered says whether they met poison again.
    const left = await commands.submit({ ...unpark, key: drawKey(), data: { letters: 0, drops: [] } }).then(
      () => 0,
      (error: unknown) => {
        if (!(error instanceof ConfabError) || error.code !== 'dead_letters_changed') throw error
        return Number(error.fields['letters'])
      },
    )
    return { replayed: sent.length, discarded: dropped.length, parked: left }
  }

  /** The command as it was, with its own id: what it led to already it does not lead to twice. */
  #again(letter: Kept, replay: string): LogRecord {
    const bytes = bytesOf(letter)
    const { commandId } = decodeAny(bytes) as Command
    const headers = { type: letter.facts.type ?? '', commandId, replay, letter: letter.facts.letter }
    return { key: letter.key, value: bytes, headers, time: this.#options.clock() }
  }

  /** Webhooks, and bytes that no schema explains, wait for nobody. */
  async #withoutActor(dropped: readonly Kept[]): Promise<Replayed> {
    const time = this.#options.clock()
    const records = dropped.map(({ facts }): LogRecord => ({ key: facts.letter, value: null, headers: { type: 'dead-letter' }, time }))
    const [first] = dropped
    if (first !== undefined) await this.#options.log.append([{ topic: 'dead-letters', partition: first.partition, records }])
    return { replayed: 0, discarded: dropped.length, parked: 0 }
  }

  async #of(organizationId: string, key: string): Promise<Kept[]> {
    return sorted(await this.#look({ organizationId, key, found: new Map(), next: 0 }))
  }

  /** Takes in what the key's partition holds beyond the last look. */
  async #look(pile: Pile): Promise<Pile> {
    pile.next = await this.#read(partitionOf(pile.key), pile.next, (record, partition) => {
      pile.found.delete(record.key)
      const letter = keptOf(record, partition)
      if (letter?.key === pile.key && this.#maySee(letter, pile.organizationId)) pile.found.set(record.key, { ...letter, record })
    })
    if (pile.found.size === 0) throw new ConfabError('not_found')
    return pile
  }

  async #all(organizationId: string): Promise<Kept[]> {
    const found = new Map<string, Kept>()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.#read(partition, 0, (record) => {
        found.delete(record.key)
        const letter = keptOf(record, partition)
        if (letter !== undefined && this.#maySee(letter, organizationId)) found.set(record.key, letter)
      })
    }
    return [...found.values()]
  }

  #maySee({ facts }: Kept, organizationId: string): boolean {
    return facts.organizationId === null ? this.#options.organizations().length === 1 : facts.organizationId === organizationId
  }

  /** Everything from `from` to the end of now; answers that end. */
  async #read(partition: number, from: Offset, visit: (record: StoredRecord, partition: number) => void): Promise<Offset> {
    const { log } = this.#options
    const { start, end } = await log.bounds('dead-letters', partition)
    const offset = Math.max(start, from)
    if (offset >= end) return from
    const abort = new AbortController()
    for await (const chunk of log.read([{ topic: 'dead-letters', partition, offset }], { signal: abort.signal })) {
      for (const record of chunk.records) if (record.offset < end) visit(record, partition)
      if (chunk.next >= end) abort.abort()
    }
    return end
  }
}

const sorted = ({ found }: Pile): Kept[] => [...found.values()].sort(byOffset)

/** undefined for a tombstone, and where the letter itself cannot be read. */
const keptOf = (record: StoredRecord, partition: number): Kept | undefined => {
  if (record.value === null) return undefined
  let letter: DeadLetter
  try {
    letter = decodeAny(record.value) as DeadLetter
  } catch {
    return undefined
  }
  const { topic, code, error, at, isPoison, organizationId } = letter
  const { type, actor } = commandIn(letter)
  const facts: Letter = {
    letter: record.key,
    topic,
    partition: letter.partition,
    offset: letter.offset,
    code,
    error,
    at,
    isPoison,
    type,
    organizationId,
  }
  return { facts, key: topic === 'raw' ? record.key : letter.key, actor, partition, record: null }
}

export const openDeadLetters = (options: DeadLettersOptions): DeadLetters => new LetterBox(options)
