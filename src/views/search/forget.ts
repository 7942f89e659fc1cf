// Search entries of partitions that a node folds no longer.
// Between the search file as it is opened and its tables; their words leave the index with the next purge.

import type { ViewFile } from '../file.ts'

/** Whether anything was taken out. */
export const forgetEntries = (file: ViewFile, partitions: readonly number[]): boolean => {
  const gone = partitions.filter((partition) => (file.positions.events[partition] ?? 0) > 0 || (file.positions.marks[partition] ?? 0) > 0)
  if (gone.length === 0 || file.isBuilding) return false
  const { database } = file
  const find = database.prepare('SELECT e.n FROM conversations c JOIN entries e ON e.conversation = c.n WHERE c.partition = ?')
  const dropWords = database.prepare('DELETE FROM words WHERE rowid = ?')
  const dropEntry = database.prepare('DELETE FROM entries WHERE n = ?')
  const dropConversations = database.prepare('DELETE FROM conversations WHERE partition = ?')
  file.commit(() => {
    for (const partition of gone) {
      for (const { n } of find.all(partition)) {
        dropWords.run(n as number)
        dropEntry.run(n as number)
      }
      dropConversations.run(partition)
      file.positions.events[partition] = 0
      file.positions.marks[partition] = 0
    }
  })
  return true
}
