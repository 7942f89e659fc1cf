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
  tail_lost: entry(500, 'A tail of the log stands where the log no longer is. A restart reads it anew.'),
  log_closed: entry(503, 'The log is closed.', true),
  kafka_refused: entry(503, 'Kafka did not do what was asked of it.', true),
  kafka_client_missing: entry(500, 'The Kafka client that CONFAB_KAFKA_CLIENT names is not installed.'),
  topics_differ: entry(500, 'Topics in Kafka are not as Confab needs them. `confab topics plan` shows what to do.'),
  log_full: entry(503, 'The disk is full: writes are refused, reads go on. Free space in the data directory.', true),
  data_locked: entry(500, 'The data directory is in use by another process. Stop that one, or set CONFAB_DATA_DIR to another directory.'),
  data_missing: entry(404, 'There is no log in the data directory.'),
  data_corrupt: entry(500, 'A file in the data directory is damaged. Restore it from a backup.'),
  data_unwritable: entry(500, 'The data directory cannot be written by this user. Set CONFAB_DATA_DIR, or change its owner.'),
  // the views
  query_timeout: entry(503, 'The question took too long to answer. Ask for less, or try again.', true),
  views_closed: entry(503, 'The views are closed.', true),
  partition_unreachable: entry(503, 'No node that holds this part of the data answers at the moment. Try again.', true),
  node_call_refused: entry(401, 'Only other nodes of this site may ask here.'),
  as_of_gone: entry(410, 'There was nothing yet at that moment, or its events are no longer kept.'),
  as_of_list: entry(400, 'Lists are answered as of now. Ask for one conversation, its messages or one contact.'),
  as_of_invalid: entry(400, 'asOf is an ISO time, a position, or seq: and a number.'),
  // the command door
  outcome_pending: entry(504, 'The command is in the log and not decided yet. Repeat it with the same key.', true),
  idempotency_mismatch: entry(422, 'This key was used before with another body.'),
  provider_failed: entry(502, 'The provider’s answer could not be read.', true),
  content_refused: entry(422, 'The channel cannot show this message.'),
  conversation_aliased: entry(409, 'This person’s conversation has another id: `conversationId`.'),
  conversation_parked: entry(503, 'This conversation is parked after a fault; an operator must replay or discard it.', true),
  dead_letters_changed: entry(409, 'More commands were parked meanwhile. Look again, then repeat.', true),
  dead_letters_too_many: entry(409, 'More is parked than can be replayed or discarded at once.'),
  dead_letter_not_replayable: entry(
    422,
    'A webhook, or what this version cannot read, cannot be replayed. Have the provider send it again, or discard it.',
  ),
  overloaded: entry(503, 'The server has too much to do. Try again.', true),
  internal: entry(500, 'Something went wrong on our side.'),
  secret_unreadable: entry(500, 'The file of the site secret cannot be used.'),
  secret_mismatch: entry(
    500,
    'Sealed data cannot be opened: the site secret is not the one it was sealed under. Set CONFAB_SECRET_FILE to the old one.',
  ),
  // the command line
  token_missing: entry(401, 'There is no token to talk to the server with.'),
  server_unreachable: entry(503, 'The server does not answer.', true),
  server_refused: entry(502, 'The server refused.'),
  option_invalid: entry(400, 'An option is wrong.'),
  config_invalid: entry(500, 'A setting is wrong.'),
  port_in_use: entry(500, 'The port is in use by another process. Set CONFAB_PORT to a free one.'),
  address_unusable: entry(500, 'The server cannot listen there.'),
  registry_unreachable: entry(503, 'The schema registry does not answer.', true),
  registry_refused: entry(502, 'The schema registry refused.'),
  archive_exists: entry(409, 'There is a finished archive in this directory. Name another one.'),
  archive_unfinished: entry(409, 'There is no finished archive in this directory; run the export again, it goes on where it stood.'),
  archive_damaged: entry(422, 'A file of the archive is missing or altered; nothing was imported.'),
  archive_conflict: entry(409, 'The site has another history under an id of the archive; it was not touched.'),
  site_in_use: entry(409, 'The site was written to meanwhile. Stop all its nodes, then run this again.'),
  schema_incompatible: entry(500, 'A schema in the log and the one of this version do not fit together.'),
  data_newer: entry(500, 'The data directory was written by a newer version. Run that version, or a later one.'),
  // what actors refuse
  conversation_not_found: entry(404, 'There is no such conversation.'),
  conversation_taken: entry(409, 'Another agent has this conversation.'),
  conversation_moved: entry(409, 'The conversation is no longer with whom you expected.'),
  answered_meanwhile: entry(409, 'Another agent has answered since you looked.'),
  not_holder: entry(409, 'Only who has the conversation may do this.'),
  not_an_agent: entry(422, 'Only agents can have a conversation this way.'),
  not_in_this_state: entry(409, 'The conversation is in a state that does not allow this.'),
  not_on_this_channel: entry(422, 'The channel cannot do this.'),
  not_author: entry(403, 'Only its author may edit a message.'),
  reply_any_required: entry(403, 'A send without an agent needs the permission conversation.reply-any.'),
  window_closed: entry(409, 'The reply window of the channel is closed; only an approved template may be sent.'),
  recipient_opted_out: entry(409, 'The contact has opted out of messages on this account.'),
  contact_blocked: entry(409, 'The contact is blocked.'),
  contact_not_found: entry(404, 'There is no such contact.'),
  message_not_found: entry(404, 'There is no such message.'),
  message_erased: entry(410, 'The content of the message no longer exists.'),
  fate_unknown: entry(409, 'Whether the message was sent is not known; sending again may send it twice.'),
  fate_known: entry(409, 'The fate of the message is known already.'),
  send_not_retryable: entry(409, 'Only a failed send can be tried again.'),
  snooze_in_past: entry(422, 'The time to snooze until has passed.'),
  label_unknown: entry(422, 'There is no such label.'),
  labels_too_many: entry(422, 'A conversation or contact can carry 64 labels.'),
  attributes_too_large: entry(422, 'Attributes are limited to 64 keys and 8 KiB.'),
  assignee_unknown: entry(422, 'There is no such active agent or bot.'),
  assignee_no_access: entry(422, 'Who shall have the conversation may not see its account.'),
  team_unknown: entry(422, 'There is no such team.'),
  not_offered: entry(409, 'The conversation is not offered to you, or the offer has ended.'),
  handover_target_required: entry(422, 'An offer says whom it is for.'),
  participant_unknown: entry(422, 'There is no such active agent.'),
  participants_too_many: entry(422, 'A conversation has 32 participants at most.'),
  mention_no_access: entry(422, 'Who is mentioned may not see the conversation.'),
  schedule_out_of_range: entry(422, 'A message can be sent at a time ahead, within 90 days.'),
  scheduled_too_many: entry(409, 'A conversation has 20 scheduled messages at most.'),
  organization_not_found: entry(404, 'There is no such organization.'),
  setting_exists: entry(409, 'A setting with this id exists already.'),
  setting_not_found: entry(404, 'There is no such setting.'),
  setting_not_unique: entry(409, 'Another setting holds this name, address or number.'),
  setting_invalid: entry(422, 'A field of the setting is missing, unknown or of another type.'),
  rev_mismatch: entry(412, 'The setting has changed since it was read.'),
  last_owner: entry(409, 'The last owner can be neither removed nor demoted.'),
  // the doors: HTTP and sockets
  unauthenticated: entry(401, 'Sign in, or send a bearer token in the Authorization header.'),
  token_invalid: entry(401, 'The token is not known, has expired or was removed.'),
  sign_in_refused: entry(401, 'The e-mail and password, or the link, do not let anyone in.'),
  forbidden: entry(403, 'You may not do this.'),
  csrf_refused: entry(403, 'A change by cookie needs the X-Confab-Csrf header and a page of this server.'),
  origin_refused: entry(403, "The page's origin is not on the account's list."),
  signature_invalid: entry(403, 'The signature of the webhook does not fit any secret of its account.'),
  not_found: entry(404, 'There is no such thing, or you may not see it.'),
  path_unknown: entry(404, 'There is no such path.'),
  method_not_allowed: entry(405, 'The path does not take this method.'),
  unknown_ingest_key: entry(404, 'No account has this ingest key.'),
  unknown_account: entry(404, 'No account with this address is configured under the signer of the webhook.'),
  webhook_unreadable: entry(400, 'The webhook could not be read; it is kept.'),
  body_malformed: entry(400, 'The body cannot be read.'),
  request_invalid: entry(400, 'A field of the request is missing, unknown or of another form.'),
  body_too_large: entry(413, 'The body is larger than allowed.'),
  media_type_unsupported: entry(415, 'The body is not in a format that this path reads.'),
  cursor_invalid: entry(400, 'The cursor was altered, or belongs to another list or organization.'),
  position_invalid: entry(400, 'The position was altered, or is not of this server.'),
  cursor_partial: entry(400, 'A cursor of one slot starts a conversation scope only; other scopes need a checkpoint.'),
  queue_differs: entry(409, 'Another connection shares this queue under another scope or other types.'),
  subscriptions_too_many: entry(429, 'The session has as many subscriptions as it may.'),
  sessions_too_many: entry(429, 'The principal has as many sessions and streams open as it may.'),
  log_stale: entry(503, 'The log cannot be read at the moment; what is shown may be old.', true),
  idempotency_key_invalid: entry(400, 'The Idempotency-Key has 1 to 64 visible ASCII characters.'),
  command_unknown: entry(400, 'There is no such command.'),
  rate_limited: entry(429, 'Too many requests. Try again later.', true),
  attachment_not_found: entry(422, 'There is no such attachment of yours.'),
  link_expired: entry(403, 'The link has expired or was altered. Ask for the attachment again.'),
  // the outgoing guard
  egress_refused: entry(422, 'Outgoing requests may not go there.'),
  request_not_sent: entry(502, 'The request did not leave: the other side could not be reached.', true),
  request_cut_off: entry(502, 'The request left and no whole answer came back.'),
  // the file store
  file_not_found: entry(404, 'There is no such file.'),
  file_too_large: entry(413, 'The file is too large.'),
  file_empty: entry(422, 'The file is empty.'),
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

const FRAME = /^\s+at (?:(?:async |new )?([\w.#<>]{1,60}) [^\n]*)?\(?[^\n()]*\/([\w.-]{1,60}\.[jt]sx?):(\d+):\d+\)?$/

/**
 * What may be written down of a fault that nobody foresaw: its kind and the place in our code, never its message, which may quote what a
 * person wrote. Ours by code, the codec's by its own words, which name fields and no values.
 */
export const faultOf = (error: unknown): string => {
  if (error instanceof ConfabError) return `ConfabError: ${error.code}`
  if (!(error instanceof Error)) return 'no error of a known kind'
  if (error.name === 'CodecError') return `CodecError: ${error.message}`
  const name = /^\w{1,40}$/.test(error.name) ? error.name : 'Error'
  const { stack = '', message } = error
  // A message may itself look like a frame.
  const at = stack.indexOf(message)
  const frames = (at < 0 ? '' : stack.slice(at + message.length)).split('\n')
  const frame = frames.find((line) => FRAME.test(line) && !line.includes('node_modules') && !line.includes('(node:'))
  const [, within, file, line] = FRAME.exec(frame ?? '') ?? []
  if (file === undefined) return name
  return within === undefined ? `${name} at ${file}:${line}` : `${name} in ${within} at ${file}:${line}`
}
