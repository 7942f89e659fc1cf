// The decisions: pure (snapshot, command) → events, effects, snapshot.
// Between the runtime and the actors; the only door of this folder.

export * from './decision.ts'
export { rowsNeeded, type RowNeed } from './needs.ts'
export {
  conversationEventTypes,
  conversationMachine,
  eraseRow,
  evolveConversation,
  evolveRow,
  hashConversation,
  loadConversation,
  rowOf,
} from './conversation/index.ts'
export { decideConversation } from './decide/index.ts'
export { contactEventTypes, contactMachine, decideContact, evolveContact, loadContact } from './contact/index.ts'
export { decideSettings, evolveOrganization, loadOrganization, organizationMachine } from './settings/index.ts'
