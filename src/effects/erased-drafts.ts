// Drafts that agents have in a conversation that was erased: they may repeat what it said, so they go with it.
// Between the carrier of drops and the owner, who is asked in each agent's name to save an empty draft.

import { partitionOf, type Log } from '#log'
import { decode, keys, mark, type EffectDrop } from '#schemas/log'
import { reportOf, type Reports } from './reports.ts'

/** Agents whose marks are looked up at once. */
const LOOKUP_MAX = 500

export interface ErasedDraftsOptions {
  readonly log: Pick<Log, 'latest'>
  readonly reports: Reports
  readonly clock: () => number
  /** All agents of the organization, the inactive ones too. */
  readonly agentIdsOf: (organizationId: string) => readonly string[]
}

export const openErasedDrafts =
  ({ log, reports, clock, agentIdsOf }: ErasedDraftsOptions) =>
  async (effect: EffectDrop, signal: AbortSignal): Promise<void> => {
    const { subject, organizationId } = effect
    const agentIds = agentIdsOf(organizationId)
    for (let from = 0; from < agentIds.length; from += LOOKUP_MAX) {
      const wanted = agentIds.slice(from, from + LOOKUP_MAX).map((agentId) => keys.mark(subject.id, agentId))
      for (const record of await log.latest('marks', partitionOf(subject.id), wanted)) {
        if (record === null || record.value === null) continue
        const { agentId, draft, draftRev, isNoteDraft } = decode(mark, record.value)
        if (draft === null) continue
        const rev = draftRev + 1
        const data = { text: null, isNote: isNoteDraft, rev }
        const command = reportOf(effect, { actor: subject, type: 'conversation.draft', parts: [agentId, rev], at: clock(), data })
        await reports.post([{ ...command, by: { kind: 'agent', id: agentId } }], signal)
      }
    }
  }
