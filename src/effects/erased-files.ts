// The files of messages whose contents are about to go: named by their rows, which still hold them until the owner rewrites them.
// Between the carrier of drops and the file store.

import { partitionOf, type Log } from '#log'
import { decode, keys, messageRow } from '#schemas/log'
import type { Uploads } from './uploads.ts'

export const openErasedFiles =
  (log: Pick<Log, 'latest'>, uploads: Pick<Uploads, 'remove'>) =>
  async (conversationId: string, messageIds: readonly string[]): Promise<void> => {
    const wanted = messageIds.map((messageId) => keys.message(conversationId, messageId))
    for (const record of await log.latest('messages', partitionOf(conversationId), wanted)) {
      if (record === null || record.value === null) continue
      for (const { fileId } of decode(messageRow, record.value).content?.attachments ?? [])
        if (fileId !== null) await uploads.remove(fileId)
    }
  }
