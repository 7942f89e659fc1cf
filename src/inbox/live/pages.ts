// Pages of a thread beyond its newest: older ones, those around a message that was searched for, and the way back to the newest.
// Between a thread in memory, which events keep true meanwhile, and `GET /v1/conversations/{id}/messages`.

import type { Message } from '#schemas'
import type { Answered } from '../state/inbox.ts'
import type { Thread } from '../state/model.ts'
import type { Api } from './ports.ts'

const PAGE = 50
/** A page is read again when events came while it was on its way; after this it is taken as it is. */
const READS_MAX = 3

export interface MessagePage {
  readonly items: readonly Message[]
  readonly next: string | null
}

export interface PagesOptions {
  readonly api: Api
  readonly get: (id: string) => Thread | undefined
  readonly patch: (id: string, change: Partial<Thread>) => void
  /** Of the last frame that was applied: no page may be older. */
  readonly position: () => string | null
}

const withoutKnown = (page: MessagePage, { messages }: Thread): readonly Message[] => {
  const known = new Set(messages.map(({ id }) => id))
  return page.items.filter(({ id }) => !known.has(id))
}

export class Pages {
  readonly #options: PagesOptions

  constructor(options: PagesOptions) {
    this.#options = options
  }

  async older(id: string): Promise<void> {
    const { get, patch } = this.#options
    const thread = get(id)
    const oldest = thread?.messages[0]
    if (thread === undefined || oldest === undefined || !thread.hasOlder || thread.isLoadingOlder) return
    patch(id, { isLoadingOlder: true })
    const answer = await this.#read(id, `before=${oldest.id}&limit=${PAGE}`)
    const now = get(id)
    if (now === undefined) return
    // The thread may have been turned elsewhere meanwhile.
    if (answer.problem !== undefined || now.messages[0]?.id !== oldest.id) return patch(id, { isLoadingOlder: false })
    const { ok: page } = answer
    patch(id, { isLoadingOlder: false, hasOlder: page.next !== null, messages: [...withoutKnown(page, now), ...now.messages] })
  }

  async newer(id: string): Promise<void> {
    const { get, patch } = this.#options
    const thread = get(id)
    const newest = thread?.messages.at(-1)
    if (thread === undefined || newest === undefined || !thread.hasNewer || thread.isLoadingNewer) return
    patch(id, { isLoadingNewer: true })
    const answer = await this.#read(id, `after=${newest.id}&limit=${PAGE}`)
    const now = get(id)
    if (now === undefined) return
    if (answer.problem !== undefined || now.messages.at(-1)?.id !== newest.id) return patch(id, { isLoadingNewer: false })
    const { ok: page } = answer
    patch(id, { isLoadingNewer: false, hasNewer: page.next !== null, messages: [...now.messages, ...withoutKnown(page, now)] })
  }

  /** Turns the thread to where a message stands; answers whether it is there. */
  async around(id: string, messageId: string): Promise<boolean> {
    const { get, patch } = this.#options
    if (get(id)?.messages.some((message) => message.id === messageId) === true) return true
    const answer = await this.#read(id, `around=${messageId}&limit=${PAGE}`)
    const now = get(id)
    if (now === undefined || answer.problem !== undefined || answer.ok.items.length === 0) return false
    const newest = now.hasNewer ? undefined : now.messages.at(-1)
    const { items, next } = answer.ok
    const hasNewer = newest === undefined || !items.some((message) => message.id === newest.id)
    patch(id, { messages: items, hasOlder: next !== null, hasNewer, isLoadingOlder: false, isLoadingNewer: false })
    return true
  }

  async #read(id: string, query: string): Promise<Answered<MessagePage>> {
    const { api, get, position } = this.#options
    for (let reads = 1; ; reads++) {
      const seq = get(id)?.seq
      const at = position()
      const answer = await api.request<MessagePage>(
        'GET',
        `/v1/conversations/${id}/messages?${query}`,
        undefined,
        at === null ? {} : { minPosition: at },
      )
      if (answer.problem !== undefined || reads === READS_MAX || get(id)?.seq === seq) return answer
    }
  }
}
