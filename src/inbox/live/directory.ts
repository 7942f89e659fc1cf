// Who and what the ids stand for: agents, labels, accounts, and contacts as they are looked at.
// Between the state and the settings and contacts of the API; later changes come by the line.

import type { Contact } from '#schemas'
import type { Account, Agent, Label } from '../state/model.ts'
import type { Api } from './ports.ts'
import { withEntry } from './fold.ts'
import type { Holder } from './holder.ts'

/** Reads all agents, labels and accounts; what may not be read stays as it was. */
export const loadDirectory = async (holder: Holder, api: Api): Promise<void> => {
  const all = async <T extends { readonly id: string }>(path: string): Promise<ReadonlyMap<string, T> | null> => {
    const answer = await api.request<{ items: readonly T[] }>('GET', path)
    return answer.problem === undefined ? new Map(answer.ok.items.map((item) => [item.id, item])) : null
  }
  const [agents, labels, accounts] = await Promise.all([all<Agent>('/v1/agents'), all<Label>('/v1/labels'), all<Account>('/v1/accounts')])
  holder.set((state) => ({
    ...state,
    agents: agents ?? state.agents,
    labels: labels ?? state.labels,
    accounts: accounts ?? state.accounts,
  }))
}

/** Reads a contact once; its events keep it true. */
export const loadContact = async (holder: Holder, api: Api, contactId: string): Promise<void> => {
  if (holder.get().contacts.has(contactId)) return
  const answer = await api.request<Contact>('GET', `/v1/contacts/${contactId}`)
  if (answer.problem === undefined) holder.set((state) => ({ ...state, contacts: withEntry(state.contacts, contactId, answer.ok) }))
}
