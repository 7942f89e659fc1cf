// Contents: all that is typed, sent by a provider or names a person, a record of its own that an event names by position.
// Key = subject/seq/n, directly before the event in the same partition and transaction; erasing tombstones them.

import { int, long, map, optional, record, text, id, type Infer, type RecordShape } from './avro.ts'
import { address, messageContent, profile, referral } from './words.ts'

const contentBodies = {
  message: messageContent,
  address,
  profile,
  /** A reason or a name typed by someone. */
  text: record('TextContent', { text }),
  reaction: record('ReactionContent', { emoji: text }),
  /** Why a conversation is handed over, and what who gets it should know. */
  handover: record('HandoverContent', { reason: optional(text), context: optional(text) }),
  /** The whole set of attributes after the change. */
  attributes: record('AttributesContent', { values: map(text) }),
  referral,
  /** The public form of a setting after the change, as JSON. */
  setting: record('SettingContent', { json: text }),
} as const

export type ContentKind = keyof typeof contentBodies
export type ContentBody = { [K in ContentKind]: Infer<(typeof contentBodies)[K]> }
/** A content that a decision introduces. */
export type Content<K extends ContentKind = ContentKind> = { [P in K]: { kind: P; body: ContentBody[P] } }[K]

const envelope = { organizationId: id, subjectId: id, seq: long, n: int }
type Envelope = { [K in keyof typeof envelope]: Infer<(typeof envelope)[K]> }
export type StoredContent<K extends ContentKind = ContentKind> = { [P in K]: Envelope & { kind: P; body: ContentBody[P] } }[K]

/** Contents an event may introduce at most. */
export const CONTENTS_MAX = 16

export const contentKinds = Object.keys(contentBodies) as ContentKind[]

export const contentRecords = Object.fromEntries(
  contentKinds.map((kind) => [
    kind,
    record(`Content${kind[0]?.toUpperCase()}${kind.slice(1)}`, { ...envelope, body: contentBodies[kind] }),
  ]),
) as unknown as { [K in ContentKind]: RecordShape<Envelope & { body: ContentBody[K] }> }
