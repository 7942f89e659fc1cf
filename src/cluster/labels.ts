// What an answer in parts says of itself: what it lacks, whether it may be old, where it stands. Pure.
// Between the parts that were heard and the page that they make.

import { ConfabError } from '#errors'
import type { Offset } from '#log'
import type { AsOf, Label, Viewer } from '#views'
import type { Heard } from './asking.ts'

const RETRY_SECONDS = 2

/** For the asker to come again: who held it may be back, or replaced, by then. */
export const unreachable = (missing: number): ConfabError =>
  new ConfabError('partition_unreachable', { fields: { missing }, retryAfterSeconds: RETRY_SECONDS })

/** Throws `partition_unreachable` where something is missing that the asker has not said it can do without. */
export const labelOf = ({ missing, isStale }: Heard, { mayBePartial }: Pick<Viewer, 'mayBePartial'>): Label => {
  if (missing.length > 0 && mayBePartial !== true) throw unreachable(missing.length)
  return { ...(missing.length > 0 ? { missing: missing.length } : {}), ...(isStale ? { isStale } : {}) }
}

/** The vector of an answer in parts. Contacts stand where the part that knows least of them stood; of what is missing nothing was seen. */
export const vectorOf = ({ said, missing }: Heard): AsOf => {
  const contacts = new Map<number, Offset>()
  const own = said.flatMap(({ asOf }) =>
    asOf.filter(({ topic, partition, offset }) => {
      if (topic !== 'contact-events') return true
      contacts.set(partition, Math.min(offset, contacts.get(partition) ?? offset))
      return false
    }),
  )
  const nowhere = missing.flatMap((partition) => (['events', 'marks'] as const).map((topic) => ({ topic, partition, offset: 0 })))
  return [...own, ...Array.from(contacts, ([partition, offset]) => ({ topic: 'contact-events' as const, partition, offset })), ...nowhere]
}
