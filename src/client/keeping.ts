// Commands that outlive the page: one list under one key of whatever storage the platform has, by principal.
// Between the outbox and localStorage, IndexedDB or a file; what the storage refuses is no reason not to send.

import type { Command } from './outbox.ts'

/** `localStorage` under other names, or anything asynchronous. It holds what people wrote: give it a place that is theirs, clear it at sign-out. */
export interface CommandStorage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  set(key: string, value: string): void | Promise<void>
  remove(key: string): void | Promise<void>
}

export interface KeptCommand extends Command {
  /** When it was made, milliseconds since 1970. */
  readonly at: number
}

interface Entry extends KeptCommand {
  /** Who made it; null = before the server had said. */
  readonly by: string | null
}

export const STORAGE_KEY = 'confab.commands'
/** Bytes of the list, about; what is beyond lives as long as its page. */
const CHARACTERS_MAX = 1_000_000

const entriesIn = (text: string | null | undefined): readonly Entry[] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? (value as Entry[]).filter(({ id, type, at }) => `${id}${type}` !== '' && Number.isFinite(at)) : []
  } catch {
    return []
  }
}

export class Kept {
  readonly #storage: CommandStorage
  readonly #key: string
  readonly #onError: (error: unknown) => void
  #by: string | null = null
  /** Reads and writes follow one another: two that overlap would lose one's change. */
  #last: Promise<void> = Promise.resolve()

  constructor(storage: CommandStorage, key: string, onError: (error: unknown) => void) {
    this.#storage = storage
    this.#key = key
    this.#onError = onError
  }

  put(command: KeptCommand): void {
    this.#changed((entries) => [...entries.filter(({ id }) => id !== command.id), { ...command, by: this.#by }])
  }

  drop(id: string): void {
    this.#changed((entries) => entries.filter((entry) => entry.id !== id))
  }

  /** What the principal left here, oldest first. Another's is theirs to send: it stays. */
  async take(principal: string): Promise<readonly KeptCommand[]> {
    this.#by = principal
    let mine: readonly Entry[] = []
    await this.#change((entries) => {
      const owned = entries.map((entry) => (entry.by === null ? { ...entry, by: principal } : entry))
      mine = owned.filter(({ by }) => by === principal)
      return owned
    })
    return mine.map(({ by: _by, ...command }) => command)
  }

  #changed(change: (entries: readonly Entry[]) => readonly Entry[]): void {
    this.#change(change).catch(this.#onError)
  }

  #change(change: (entries: readonly Entry[]) => readonly Entry[]): Promise<void> {
    this.#last = this.#last
      .then(async () => {
        // Read afresh: another tab may have written since.
        const before = entriesIn(await this.#storage.get(this.#key))
        const after = change(before)
        if (after.length === 0) return this.#storage.remove(this.#key)
        const text = JSON.stringify(after)
        if (text.length <= CHARACTERS_MAX) await this.#storage.set(this.#key, text)
      })
      .catch(this.#onError)
    return this.#last
  }
}
