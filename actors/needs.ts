// The rows that a command names, so that the runtime can load a whole batch's at once before it decides.
// A hint for speed: what a decision finds it needs besides (a message behind an alias) the runtime loads and decides again.

import { keys, type Command } from '#schemas/log'

export interface RowNeed {
  readonly topic: 'messages' | 'contacts' | 'marks' | 'config'
  readonly key: string
}

const NONE: readonly RowNeed[] = []
const message = (conversationId: string, messageId: string): RowNeed => ({
  topic: 'messages',
  key: keys.message(conversationId, messageId),
})
const address = (conversationId: string): RowNeed => ({ topic: 'messages', key: keys.address(conversationId) })
const markOf = (conversationId: string, agentId: string | null): readonly RowNeed[] =>
  agentId === null ? NONE : [{ topic: 'marks', key: keys.mark(conversationId, agentId) }]

export const rowsNeeded = (command: Command): readonly RowNeed[] => {
  const { id } = command.actor
  switch (command.type) {
    case 'message.receive':
    case 'message.settle':
    case 'message.edit':
    case 'message.delete':
    case 'message.react':
    case 'message.echo':
    case 'message.revise':
    case 'attachment.report':
      return [message(id, command.data.messageId)]
    case 'message.send': {
      const own = command.by.kind === 'agent' ? markOf(id, command.by.id) : NONE
      return [message(id, command.data.messageId), ...(command.data.isInternal ? NONE : [address(id)]), ...own]
    }
    case 'conversation.start':
    case 'message.retry':
      return [message(id, command.data.messageId), address(id)]
    case 'send.report': {
      const { messageId, aliasId, state } = command.data
      return [message(id, messageId), ...(aliasId === null ? NONE : [message(id, aliasId)]), ...(state === 'queued' ? [address(id)] : NONE)]
    }
    case 'receipt.report': {
      const { messageId, aliasId } = command.data
      return [message(id, aliasId), ...(messageId === null ? NONE : [message(id, messageId)])]
    }
    case 'conversation.read':
    case 'conversation.draft':
      return markOf(id, command.by.id)
    case 'conversation.change':
      return [{ topic: 'messages', key: keys.attributes(id) }]
    case 'contents.drop':
      return command.data.messageIds.map((messageId) => message(id, messageId))
    case 'contact.introduce':
    case 'contact.change':
      return [{ topic: 'contacts', key: keys.profile(id) }]
    case 'setting.write':
      return [
        { topic: 'config', key: keys.setting(command.data.kind, command.data.entityId) },
        ...command.data.uniqueKeys.map((key): RowNeed => ({ topic: 'config', key: keys.unique(key) })),
      ]
    default:
      return NONE
  }
}
