// The catalogue of errors: every code Confab answers, logs or throws, with its HTTP status and whether a repeat can help.
// Codes are snake_case and never used twice; docs/errors.md lists the same, and a test compares both.

interface ErrorEntry {
  /** HTTP status of a problem that carries the code; also used for socket frames. */
  readonly status: number
  /** Whether the same request may succeed later without a change. */
  readonly isRetryable: boolean
  /** One sentence for people: what is wrong and what to do. */
  readonly title: string
}

const entry = (status: number, title: string, isRetryable = false): ErrorEntry => ({ status, title, isRetryable })

export const errors = {
  // the log
  append_refused: entry(503, 'The log refused the write; nothing was stored. Try again.', true),
  append_unknown: entry(503, 'Whether the log stored the write is not known. Repeat it with the same key.', true),
  commit_unknown: entry(503, 'Whether the log stored the decision is not known.', true),
  fenced: entry(503, 'Another node owns this partition now.', true),
  offset_below_start: entry(410, 'The log no longer holds this position.'),
  offset_beyond_end: entry(416, 'The log does not reach this position.'),
  record_too_large: entry(413, 'The record is larger than its topic allows.'),
  record_invalid: entry(500, 'The record does not fit its topic; nothing was stored.'),
  log_closed: entry(503, 'The log is closed.', true),
  log_full: entry(503, 'The disk is full: writes are refused, reads go on. Free space in the data directory.', true),
  data_locked: entry(500, 'The data directory is in use by another process.'),
  data_corrupt: entry(500, 'A file in the data directory is damaged.'),
  // the command door
  outcome_pending: entry(504, 'The command is in the log and not decided yet. Repeat it with the same key.', true),
  idempotency_mismatch: entry(422, 'This key was used before with another body.'),
  conversation_parked: entry(503, 'This conversation is parked after a fault; an operator must replay or discard it.', true),
  overloaded: entry(503, 'The server has too much to do. Try again.', true),
  internal: entry(500, 'Something went wrong on our side.'),
  secret_unreadable: entry(500, 'The file of the site secret cannot be used.'),
  secret_mismatch: entry(500, 'Sealed data cannot be opened: the site secret is not the one it was sealed under. Set CONFAB_SECRET_FILE to the old one.'),
  config_invalid: entry(500, 'A setting is wrong.'),
  port_in_use: entry(500, 'The port is in use by another process. Set CONFAB_PORT to a free one.'),
  data_newer: entry(500, 'The data directory was written by a newer version.'),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errors

export interface ErrorDetails {
  /** What exactly, in words: a setting, a path, a field. Never message text, tokens or phone numbers. */
  readonly detail?: string
  /** Ids and numbers that the asker may see, merged into the problem document. */
  readonly fields?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
  /** Seconds after which a repeat makes sense; sent as Retry-After. */
  readonly retryAfterSeconds?: number
}

/** The only error class that crosses a module's border. */
export class ConfabError extends Error {
  override readonly name = 'ConfabError'
  readonly code: ErrorCode
  readonly fields: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.detail === undefined ? errors[code].title : `${errors[code].title} ${details.detail}`, { cause: details.cause })
    this.code = code
    this.fields = details.fields ?? {}
    this.retryAfterSeconds = details.retryAfterSeconds
  }

  get status(): number {
    return errors[this.code].status
  }

  get isRetryable(): boolean {
    return errors[this.code].isRetryable
  }
}

/** Whether `error` is ours and has one of the codes. */
export const hasCode = (error: unknown, ...codes: ErrorCode[]): boolean => error instanceof ConfabError && codes.includes(error.code)
