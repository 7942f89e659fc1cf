// Where other nodes ask: checks that the call is signed by one of the site's, answers for the partitions that can be read here.
// Between the HTTP route, which knows nothing of it, and this node's files.

import { ConfabError } from '#errors'
import type { FoldedViews } from '#views'
import type { Asking } from './asking.ts'
import { answerQuestion, parseCall, type Moved, type NodeAnswer } from './questions.ts'
import { faultOfCall, NODE_CALL_PATH, SIGNATURE_HEADER, TIME_HEADER, type Claim } from './signatures.ts'

/** Ids of a page of rows, places of all partitions: far below it. */
const CALL_BYTES_MAX = 1_048_576

export interface NodeDoor {
  readonly path: string
  readonly bytesMax: number
  readonly timeHeader: string
  readonly signatureHeader: string
  /** Throws `node_call_refused`, `request_invalid`, and what the views throw. */
  answer(claim: Claim, from: string): Promise<NodeAnswer>
}

export interface NodeDoorOptions {
  readonly views: FoldedViews
  readonly asking: Pick<Asking, 'serversOf'>
  /** Of the purpose `node`. */
  readonly key: Uint8Array
  readonly url: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly onRefused: (facts: { readonly reason: string; readonly from: string }) => void
}

export const openNodeDoor = ({ views, asking, key, url, clock, onRefused }: NodeDoorOptions): NodeDoor => ({
  path: NODE_CALL_PATH,
  bytesMax: CALL_BYTES_MAX,
  timeHeader: TIME_HEADER,
  signatureHeader: SIGNATURE_HEADER,
  async answer(claim, from) {
    const reason = faultOfCall(key, claim, clock())
    if (reason !== null) {
      onRefused({ reason, from })
      throw new ConfabError('node_call_refused')
    }
    const { partitions, ...question } = parseCall(claim.body)
    const held = views.held()
    const here = partitions.filter((partition) => held.has(partition))
    const elsewhere = partitions.filter((partition) => !held.has(partition))
    const moved = elsewhere.map((partition): Moved => ({
      partition,
      url: asking.serversOf(partition).find((server) => server !== url) ?? null,
    }))
    if (here.length === 0) return { partitions: [], answer: null, asOf: [], moved }
    return { ...(await answerQuestion(views, question, here)), moved }
  },
})
