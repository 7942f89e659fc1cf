// The folds that server and client share: what each event does to a list row, a message, a contact. Pure, JSON in and out.
// Between events as the gateway sends them and the rows that views keep and clients show.

export { foldConversation } from './folds/conversation.ts'
export { foldContact } from './folds/contact.ts'
export { foldMessage, messageIdOf, sendStateOf } from './folds/message.ts'
export { previewOf, PREVIEW_CHARACTERS } from './folds/preview.ts'
