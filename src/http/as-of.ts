// `?asOf=`: which moment it names, and the refusal of it wherever only the present is answered.
// Between the query of a read and the views' time travel.

import type { FastifyInstance } from 'fastify'
import type { Grants } from '#schemas'
import { ConfabError } from '#errors'
import type { Moment } from '#views'
import type { Positions } from './options.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers `?asOf=`. */
    takesAsOf?: true
  }
}

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
const SEQ = /^seq:([1-9]\d{0,14})$/
/** No cursor of ours is shorter: whatever is shorter and none of the others is a mistake of the asker's. */
const POSITION_LENGTH_MIN = 20

/** Throws `as_of_invalid`, `position_invalid`. */
export const momentOf = (text: string, positions: Pick<Positions, 'open'>, grants: Grants): Moment => {
  const seq = SEQ.exec(text)?.[1]
  if (seq !== undefined) return { kind: 'seq', seq: Number(seq) }
  if (ISO.test(text)) {
    const at = Date.parse(text)
    if (Number.isFinite(at)) return { kind: 'time', at }
  }
  if (text.length < POSITION_LENGTH_MIN || !/^[\w-]+$/.test(text)) throw new ConfabError('as_of_invalid')
  return { kind: 'places', places: positions.open(text, grants) }
}

/** A list of the past would be a report: refused with `as_of_list`, behind the check of who asks. */
export const installAsOf = (app: FastifyInstance): void => {
  app.addHook('preValidation', async (request) => {
    const { takesAsOf } = request.routeOptions.config
    if (request.method !== 'GET' || takesAsOf === true) return
    if (typeof request.query === 'object' && request.query !== null && 'asOf' in request.query) throw new ConfabError('as_of_list')
  })
}
