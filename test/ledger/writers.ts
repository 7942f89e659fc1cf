// Writers with known ids: notes by the API, each under a key of its own, asked again at any node until one says what became of it.
// What they were answered is the list that the judge compares with the log.

import type { Cluster } from './cluster.ts'
import { pick, type Random } from './random.ts'

export interface Acknowledged {
  readonly commandId: string
  readonly conversationId: string
  readonly seq: number
}

export interface NotesOptions {
  readonly conversations: readonly string[]
  readonly lanes: number
  readonly token: string
  readonly random: Random
  /** Asked before each note: false ends the lanes. */
  readonly goesOn: () => boolean
  readonly onLatency: (ms: number) => void
}

export interface Notes {
  readonly acknowledged: readonly Acknowledged[]
  /** Answers that no promise explains. */
  readonly odd: readonly string[]
}

const ANSWER_MS = 15_000
/** What a node may answer while the cluster is being hurt: the same key is asked again. */
const PASSING = new Set([429, 502, 503, 504])

const ask = async (
  cluster: Cluster,
  options: NotesOptions,
  note: { conversationId: string; key: string },
): Promise<Acknowledged | string | undefined> => {
  const places = cluster.up()
  if (places.length === 0) return undefined
  const { url } = pick(options.random, places)
  try {
    const answer = await fetch(`${url}/v1/conversations/${note.conversationId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.token}`, 'content-type': 'application/json', 'idempotency-key': note.key },
      body: JSON.stringify({ internal: true, text: `note ${note.key}` }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const text = await answer.text()
    if (answer.ok) {
      const { commandId, seq } = JSON.parse(text) as { commandId: string; seq: number }
      return { commandId, seq, conversationId: note.conversationId }
    }
    return PASSING.has(answer.status) ? undefined : `${answer.status} ${text}`
  } catch {
    return undefined
  }
}

/** Runs until `goesOn` says no; a note that was begun is asked until it is answered. */
export const writeNotes = async (cluster: Cluster, options: NotesOptions): Promise<Notes> => {
  const acknowledged: Acknowledged[] = []
  const odd: string[] = []
  const lane = async (number: number): Promise<void> => {
    for (let n = 0; options.goesOn(); n++) {
      const note = { key: `lane-${number}-${n}`, conversationId: pick(options.random, options.conversations) }
      const startedAt = performance.now()
      for (;;) {
        const result = await ask(cluster, options, note)
        if (typeof result === 'object') acknowledged.push(result)
        else if (typeof result === 'string') odd.push(result)
        if (result !== undefined) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      options.onLatency(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, (_, number) => lane(number)))
  return { acknowledged, odd }
}
