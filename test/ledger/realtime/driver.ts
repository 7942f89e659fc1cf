// What a server must offer to be put to the realtime ledger: it starts, takes writes with known ids, is killed, and clients follow it.
// Between the checker, which knows no server, and one driver a server; results are what clients were sent, not what a server says of itself.

/** A frame that a client applied, or would have: the checker alone decides whether it should have come. */
export interface LedgerEvent {
  readonly id: string
  /** Conversation or contact. */
  readonly subject: string
  readonly seq: number
}

/** The log's own order and audience of an event. */
export interface TrueEvent extends LedgerEvent {
  /** What was written, as `write` named it. */
  readonly cause: string
  readonly type: string
  /** undefined: of no account, shown to those alone who may see all. */
  readonly account: string | undefined
  /** Scopes that it belongs to: `all`, `account/ID`, `conversation/ID`, `assignee/ID`, `contact/ID`. */
  readonly keys: readonly string[]
}

export interface ClientPlan {
  readonly name: string
  /** One of a true event's keys. */
  readonly key: string
  readonly accounts: readonly string[] | null
  /** Reads notes. */
  readonly hasNotes: boolean
  /** Changed while it follows, where the server knows permissions. */
  readonly flips: boolean
}

/** What a client does with what it is sent. */
export interface Recording {
  event(event: LedgerEvent): void
  /** The server said that it cannot go on: what follows starts at `base`, subject → seq, once it is known. */
  resync(reason: string): void
  base(seqs: ReadonlyMap<string, number>): void
  /** An error that the server named, or a frame that nobody understands. */
  fault(what: string): void
}

export interface Follower {
  /** Times it came back. */
  readonly reconnects: number
  /** Subscribed and caught up, as far as the client can know. */
  isLive(): boolean
  close(): void
}

export type WriteKind = 'note' | 'received' | 'assign' | 'contact'
export interface Write {
  readonly kind: WriteKind
  /** Known before it is written; the same again when nobody answered. */
  readonly key: string
  readonly conversation: number
  /** Of `assign`: the n-th agent; undefined = nobody. */
  readonly agent: number | undefined
}

export interface Target {
  readonly port: number
  readonly plans: readonly ClientPlan[]
  readonly conversations: number
  readonly kinds: readonly WriteKind[]
  /** subject → seq before anything is written. */
  start(): Promise<ReadonlyMap<string, number>>
  /** Answers what a true event's `cause` will be; undefined = nobody answered, ask again. */
  write(write: Write): Promise<string | undefined>
  follow(plan: ClientPlan, port: number, recording: Recording): Promise<Follower>
  /** Other accounts for a plan from now on; resolves when the server has acknowledged it. Throws where it does not. */
  flip?(plan: ClientPlan, accounts: readonly string[] | null): Promise<void>
  /** SIGKILL, and up again at the same place. */
  kill(): Promise<void>
  /** SIGTERM, and up again. */
  restart(): Promise<void>
  /** All that was written and lasts, in the order of each subject. */
  truth(): Promise<readonly TrueEvent[]>
  stop(): Promise<void>
}

export interface Driver {
  readonly name: string
  open(): Promise<Target>
}
