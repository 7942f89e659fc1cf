// A conversation as a machine, its fold, its rows and its effects.
// Between the rules in ../decide, which build decisions from these, and the folder's only door.

export { callOffSend, ConversationDraft, type LivingDraft } from './draft.ts'
export { endFetch, endSend, introduce, putFetches, putSend, putTell, putDrop, putTimer } from './effects.ts'
export { evolveConversation, hashConversation, loadConversation, rowOf } from './evolve.ts'
export { CLOSING_MS, conversationEventTypes, unborn } from './fold.ts'
export { conversationMachine } from './machine.ts'
export { aliasesOf, hasRoomForAliases, outsOf } from './provided.ts'
export { forwardTo, putProfile, putSignal, tellAlias } from './provider-effects.ts'
export { eraseRow, evolveRow } from './rows.ts'
export { quotedBy, sendFacts } from './sending.ts'
export { allowedAfter, mayFollowWindow, windowMsOf } from './windowed.ts'
