// What is wrong with an account by its provider's word, as a write of its setting: shown where accounts are shown.
// Between webhooks and senders, which hear of it, and the organization's settings actor.

import type { Account, Command } from '#schemas/log'

export interface Trouble {
  /** In words, without personal data. */
  readonly what: string
  /** Messages do not pass. */
  readonly isBroken: boolean
  readonly at: number
}

interface Place {
  readonly organizationId: string
  readonly account: Pick<Account, 'id'> & Partial<Pick<Account, 'uniqueKeys'>>
}

/** null clears it. The names that the account holds stay its own. */
export const troubleWrite = (
  { organizationId, account }: Place,
  commandId: string,
  trouble: Trouble | { readonly at: number; readonly what: null },
): Command<'setting.write'> => ({
  type: 'setting.write',
  commandId,
  organizationId,
  actor: { kind: 'organization', id: organizationId },
  by: { kind: 'system', id: null },
  asksOutcome: false,
  bodyHash: '',
  at: trouble.at,
  data: {
    kind: 'account',
    action: 'change',
    entityId: account.id,
    expectedRev: null,
    json: JSON.stringify(
      trouble.what === null
        ? { trouble: null, troubleAt: null, isBroken: null }
        : { trouble: trouble.what, troubleAt: trouble.at, isBroken: trouble.isBroken },
    ),
    uniqueKeys: [...(account.uniqueKeys ?? [])],
  },
})
