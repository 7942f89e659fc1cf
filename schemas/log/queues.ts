// Where a bot's work queue stands, as the node that holds it last said. In `ownership`: who deals out, and what has been acknowledged.
// Between the nodes that bots connect to; acknowledgements only add up, so the records of all holders together are true.

import { array, boolean, id, int, long, record, text, time, type Infer } from './avro.ts'

/** Key: queue/bot/name/holder. A tombstone once a later holder's record has it all. */
export const queueRecord = record('QueueRecord', {
  organizationId: id,
  botId: id,
  name: text,
  /** Drawn for each life of a process. */
  holder: text,
  /** The highest claims the queue; of two the same, the higher holder. */
  ballot: long,
  /** False: given up, free for another. */
  isHeld: boolean,
  marks: array(
    record('QueueMark', {
      topic: text,
      partition: int,
      /** Before it all is done. */
      next: long,
      /** Offsets after `next` that are done, and others that have gone out. */
      acknowledged: array(long),
      sent: array(long),
    }),
  ),
  at: time,
})
export type QueueRecord = Infer<typeof queueRecord>
