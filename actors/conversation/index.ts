// A conversation as a machine, its fold, its rows and its effects: what the rules in ../decide build decisions from.

export { callOffSend, ConversationDraft, type LivingDraft } from './draft.ts'
export { endFetch, endSend, introduce, putSend, putTell, putDrop, putTimer } from './effects.ts'
export { evolveConversation, hashConversation, loadConversation, rowOf } from './evolve.ts'
export { conversationEventTypes, unborn } from './fold.ts'
export { conversationMachine } from './machine.ts'
export { eraseRow, evolveRow } from './rows.ts'
