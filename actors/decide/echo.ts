// What was said on our side and is shown to us by the provider: our own send, known by its id, or somebody's elsewhere, said once.
// Between message.echo, which may come before the answer to our send, and the events of a message that nobody here wrote.

import { commandRecords, decode, encode, keys, type Command, type ConversationSnapshot, type EchoesRow } from '#schemas/log'
import { callOffSend, outsOf, putFetches, type ConversationDraft, type LivingDraft } from '../conversation/index.ts'
import { aliasAt, earlyAt, EARLY_KEPT_MS } from './early.ts'
import { learnAliases } from './alias.ts'
import { hand } from './holding.ts'
import { begin, orderAtOf } from './receive.ts'
import { applyNews, reportReceipt } from './reports.ts'

type Echo = Command<'message.echo'>

/** Echoes held at once; what is beyond is said as somebody else's. */
const HELD_MAX = 16

/** Channels whose echoes do not carry our ids. */
const isNameless = ({ channel }: ConversationSnapshot): boolean => channel === 'instagram' || channel === 'custom'

const hasOpen = ({ snapshot }: LivingDraft): boolean => outsOf(snapshot).some(({ isOpen }) => isOpen)

const heldIn = (draft: LivingDraft): readonly Uint8Array[] => {
  const key = keys.echoes(draft.subjectId)
  for (const change of draft.rows) if (change.key === key && change.shape === 'echoes') return change.value?.held ?? []
  return draft.context.rows.echoes?.() ?? []
}

const keep = (draft: LivingDraft, held: readonly Uint8Array[]): void => {
  const value: EchoesRow = { conversationId: draft.subjectId, held: held.map((bytes) => Buffer.from(bytes)) }
  draft.putRow({ key: keys.echoes(draft.subjectId), shape: 'echoes', value })
}

/** A send of ours: reported under the provider's id, which its answer will bring or has brought. */
const report = (draft: LivingDraft, command: Echo): void => {
  const { messageId, receivedAt } = command.data
  const data = { aliasId: messageId, messageId: null, state: 'sent', reason: null, providerCode: null, at: receivedAt } as const
  reportReceipt(draft, { ...command, type: 'receipt.report', data })
}

/** Somebody has answered: no bot talks over them. It is nobody's claim. */
const stopBot = (draft: LivingDraft): void => {
  const { assignee, botSends } = draft.snapshot
  if (assignee?.kind !== 'bot') return
  draft.apply('handover.taken', { before: assignee })
  hand(draft, { assignee: null, because: 'release' })
  for (const messageId of botSends) {
    const row = draft.message(messageId)
    if (row !== null) callOffSend(draft, row)
  }
}

const applyEarly = (draft: LivingDraft, messageId: string): void => {
  const early = earlyAt(draft, messageId)
  if (early === null || draft.now - early.at > EARLY_KEPT_MS) return
  for (const { state, reason, providerCode } of early.reports) {
    const row = draft.message(messageId)
    if (row !== null) applyNews(draft, row, { state, reason, providerCode, attempt: null })
  }
}

const say = (draft: LivingDraft, { data, by }: Echo): void => {
  const { messageId, content, providerAt, receivedAt } = data
  const early = earlyAt(draft, messageId)
  stopBot(draft)
  const orderAt = orderAtOf(providerAt, receivedAt, draft.snapshot.orderFloor)
  const facts = { messageId, kind: content.kind, orderAt, attachments: content.attachments.length, attempt: 1, seenSeq: null }
  const plain = { isOverride: false, replyTo: data.replyTo ?? null, sendAt: null, isUnlessReply: false, isDue: false }
  draft.apply('message.queued', { ...facts, ...plain }, [{ kind: 'message', body: content }], by)
  putFetches(draft, { messageId, seq: draft.snapshot.seq, attachments: content.attachments })
  draft.apply('message.sent', { messageId, attempt: 1, isEcho: true }, [], by)
  if (early !== null) applyEarly(draft, messageId)
}

export const receiveEcho = (draft: ConversationDraft, command: Echo): void => {
  const { data } = command
  draft.accept(data.messageId)
  if (draft.message(data.messageId) !== null) return
  // We wrote first, elsewhere: out of the lists until the contact writes.
  if (draft.snapshot === null) begin(draft, { ...data, profile: data.profile }, { state: 'resolved', assignee: null })
  const living = draft as LivingDraft
  if (aliasAt(draft, data.messageId) !== null) return report(living, command)
  if (isNameless(living.snapshot) && hasOpen(living)) {
    const held = heldIn(living)
    if (held.length < HELD_MAX) return keep(living, [...held, encode(commandRecords['message.echo'], command)])
  }
  // Ours by its app: the answer to the send will bring the same id.
  if (data.isOwnApp) return report(living, command)
  learnAliases(living, [data.seeker, ...(data.aliases ?? [])])
  say(living, command)
}

/** After a word of the sender: echoes that turn out to be ours are receipts, the others were somebody else's once nothing is open. */
export const releaseEchoes = (draft: LivingDraft): void => {
  if (!isNameless(draft.snapshot)) return
  const held = heldIn(draft)
  if (held.length === 0) return
  const left: Uint8Array[] = []
  for (const bytes of held) {
    const command = { ...decode(commandRecords['message.echo'], bytes), type: 'message.echo' } as Echo
    if (aliasAt(draft, command.data.messageId) !== null || command.data.isOwnApp) report(draft, command)
    else if (hasOpen(draft)) left.push(bytes)
    else if (draft.message(command.data.messageId) === null) say(draft, command)
  }
  keep(draft, left)
}
