// Rows of partitions that a node folds no longer: taken out whole, so that nothing said there stays behind where nobody erases it.
// Between the rows file as it is opened and its tables; a partition that comes back is folded from the log's start.

import type { Conversation } from '#schemas'
import { partitionOf } from '#log/partition'
import type { ViewFile } from '../file.ts'
import { numberOf } from '../numbers.ts'

/** In one transaction: a partition is there whole, or not at all. */
export const forgetRows = (file: ViewFile, partitions: readonly number[]): void => {
  const gone = new Set(
    partitions.filter((partition) => (file.positions.events[partition] ?? 0) > 0 || (file.positions.marks[partition] ?? 0) > 0),
  )
  if (gone.size === 0 || file.isBuilding) return
  const { database } = file
  const drops = {
    messages: database.prepare('DELETE FROM messages WHERE conversation = ?'),
    contents: database.prepare('DELETE FROM contents WHERE subject = ?'),
    label: database.prepare('DELETE FROM labels WHERE label = ? AND conversation = ?'),
    conversation: database.prepare('DELETE FROM conversations WHERE n = ?'),
    marks: database.prepare('DELETE FROM marks WHERE conversation = ?'),
    counters: database.prepare('DELETE FROM counters WHERE partition = ?'),
  }
  file.commit(() => {
    // Read first: rows are not taken out under a statement that walks them.
    const found = database.prepare('SELECT n, id FROM conversations').all()
    const body = database.prepare('SELECT body FROM conversations WHERE n = ?')
    for (const { n, id } of found as unknown as readonly { n: number; id: string }[]) {
      if (!gone.has(partitionOf(id))) continue
      const { labels } = JSON.parse(body.get(n)?.['body'] as string) as Conversation
      for (const label of labels) drops.label.run(numberOf(label), n)
      drops.messages.run(n)
      drops.contents.run(n)
      drops.marks.run(numberOf(id))
      drops.conversation.run(n)
    }
    for (const partition of gone) {
      drops.counters.run(partition)
      file.positions.events[partition] = 0
      file.positions.marks[partition] = 0
    }
  })
}
