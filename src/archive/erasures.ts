// The erasure list: what was erased after an archive was made must not come back with it.
// Between `erasures` of archives and living sites and what an import writes; the actors then erase what they still know of.

import {
  addressRow,
  attributesRow,
  decode,
  decodeContent,
  derivePlain,
  earlyRow,
  effectTell,
  encode,
  keys,
  mark,
  messageRow,
  profileRow,
  type Command,
  type MessageContent,
} from '#schemas/log'
import { eraseRow } from '#actors'
import type { StoredRecord } from '#log'
import type { Topic } from '#topics'
import { subjectOf } from './contents.ts'
import type { Erasure } from './manifest.ts'

export class Erasures {
  readonly #bySubject = new Map<string, Erasure>()
  /** Of contents left out: their bytes stay behind too. */
  readonly fileIds = new Set<string>()

  /** `known` are those the archive has applied already, `later` those that are to be applied to it. */
  constructor(known: readonly Erasure[], later: readonly Erasure[]) {
    const applied = new Map(known.map((each) => [each.id, each.upToSeq]))
    for (const each of later) if (each.upToSeq > (applied.get(each.id) ?? 0)) this.#bySubject.set(each.id, each)
  }

  get subjects(): readonly Erasure[] {
    return [...this.#bySubject.values()]
  }

  has(subjectId: string): boolean {
    return this.#bySubject.has(subjectId)
  }

  #covers(subjectId: string, seq: number): boolean {
    return seq <= (this.#bySubject.get(subjectId)?.upToSeq ?? 0)
  }

  #noteFiles(content: MessageContent | null): void {
    for (const { fileId } of content?.attachments ?? []) if (fileId !== null) this.fileIds.add(fileId)
  }

  /** Whether a record of `events` or `contact-events` is a content that stays out. */
  dropsContent({ key, headers, value }: StoredRecord): boolean {
    const [subjectId = '', seq = '', n] = key.split('/')
    if (n === undefined || !this.#covers(subjectId, Number(seq))) return false
    if (headers['type'] === 'content.message' && value !== null)
      this.#noteFiles((decodeContent('content.message', value) as { body: MessageContent }).body)
    return true
  }

  /** A record as it may come in; null = it stays out. */
  applied(topic: Topic, record: StoredRecord): StoredRecord | null {
    const { value, key } = record
    if (value === null || !this.has(subjectOf(key))) return record
    if (topic === 'commands' || topic === 'contact-commands' || topic === 'dead-letters') return null
    const type = record.headers['type']
    if (topic === 'messages') return { ...record, value: this.#row(type, value) }
    if (topic === 'contacts' && key === keys.profile(subjectOf(key)))
      return { ...record, value: encode(profileRow, { ...decode(profileRow, value), profile: null, attributes: null }) }
    if (topic === 'marks') return { ...record, value: encode(mark, { ...decode(mark, value), draft: null }) }
    if (topic !== 'outbox') return record
    // Nothing more is sent or fetched for who is erased.
    if (type === 'send' || type === 'fetch') return null
    return type === 'tell' ? this.#tell(record, value) : record
  }

  #row(type: string | undefined, value: Uint8Array): Uint8Array {
    switch (type) {
      case 'message': {
        const row = decode(messageRow, value)
        if (row.isErased || !this.#covers(row.conversationId, row.seq)) return value
        this.#noteFiles(row.content)
        return encode(messageRow, eraseRow(row))
      }
      case 'early':
        return encode(earlyRow, { ...decode(earlyRow, value), reactions: [] })
      case 'address':
        return encode(addressRow, { ...decode(addressRow, value), address: null })
      case 'attributes':
        return encode(attributesRow, { ...decode(attributesRow, value), attributes: null })
      default:
        return value
    }
  }

  /** An introduction carries the person's profile. */
  #tell(record: StoredRecord, value: Uint8Array): StoredRecord | null {
    return decode(effectTell, value).type === 'contact.introduce' ? null : record
  }
}

/** What the actor itself has to say about it: the fact, and whatever of it the import could not know. */
export const eraseCommand = ({ kind, id, organizationId, upToSeq }: Erasure, at: number): Command =>
  ({
    type: kind === 'contact' ? 'contact.erase' : 'conversation.erase',
    commandId: derivePlain('command', ['import', 'erase', id, upToSeq]),
    organizationId,
    actor: { kind, id },
    by: { kind: 'system', id: null },
    asksOutcome: false,
    bodyHash: '',
    at,
    data: { reason: kind === 'contact' ? '' : null },
  }) as Command
