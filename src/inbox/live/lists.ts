// The lists' pages and the rows that events ask for: what is fetched, once each, and never because of an event that could be folded.
// Between the state's rows and `GET /v1/conversations`.

import type { Conversation } from '#schemas'
import type { Counts, ListState } from '../state/model.ts'
import { listViews, viewNames, type ViewName } from '../state/views.ts'
import type { Api } from './ports.ts'
import { withRow, withRows } from './fold.ts'
import type { Holder } from './holder.ts'

const PAGE = 50
/** Rows fetched by id at a time. */
const FETCHES_MAX = 4

interface Wanted {
  readonly position: string | null
  readonly isNews: boolean
}

interface Page {
  readonly items: readonly Conversation[]
  readonly next: string | null
}

interface CountsAnswer {
  readonly byState: Readonly<Record<string, number>>
  readonly mine: number
  readonly unassigned: number
}

const fresh: ListState = { isLoaded: false, isLoading: false, hasMore: true, problem: null }

export class Lists {
  readonly #holder: Holder
  readonly #api: Api
  readonly #cursors = new Map<ViewName, string>()
  /** Conversation → a place in the log that its row must have seen, and whether it is news, which the counts follow. */
  readonly #wanted = new Map<string, Wanted>()
  #fetching = 0

  constructor(holder: Holder, api: Api) {
    this.#holder = holder
    this.#api = api
  }

  open(view: ViewName): void {
    const list = this.#list(view)
    if (!list.isLoaded && !list.isLoading && list.problem === null) void this.#page(view)
  }

  more(view: ViewName): void {
    const list = this.#list(view)
    if (list.isLoaded && !list.isLoading && list.hasMore && list.problem === null) void this.#page(view)
  }

  retry(view: ViewName): void {
    if (!this.#list(view).isLoading) void this.#page(view)
  }

  /** After a jump of the line: pages are read anew, those on screen at once. */
  reload(): void {
    this.#cursors.clear()
    const loaded = viewNames.filter((view) => this.#list(view).isLoaded)
    this.#holder.set((state) => ({ ...state, lists: {} }))
    for (const view of loaded) this.open(view)
    void this.counts()
  }

  /** Reads a row by id, no older than `position`. */
  want(id: string, position: string | null): void {
    this.#wanted.set(id, { position, isNews: true })
    this.#fetchWanted()
  }

  /** Reads the rows among these that nobody has loaded: a search finds what no list has shown. */
  lookUp(ids: Iterable<string>): void {
    const { rows } = this.#holder.get()
    for (const id of ids) if (!rows.has(id) && !this.#wanted.has(id)) this.#wanted.set(id, { position: null, isNews: false })
    this.#fetchWanted()
  }

  async counts(): Promise<void> {
    const answer = await this.#api.request<CountsAnswer>('GET', '/v1/counts')
    if (answer.problem !== undefined) return
    const { byState, mine, unassigned } = answer.ok
    const of = (name: string): number => byState[name] ?? 0
    this.#holder.set((state) => {
      const waiting = [...state.rows.values()].filter((row) => listViews.waiting.has(row, state.me.id)).length
      const counts: Counts = {
        mine,
        unassigned,
        all: of('open') + of('pending'),
        waiting,
        snoozed: of('snoozed'),
        resolved: of('resolved'),
      }
      return { ...state, counts }
    })
  }

  #list(view: ViewName): ListState {
    return this.#holder.get().lists[view] ?? fresh
  }

  #patch(view: ViewName, change: Partial<ListState>): void {
    this.#holder.set((state) => ({ ...state, lists: { ...state.lists, [view]: { ...(state.lists[view] ?? fresh), ...change } } }))
  }

  async #page(view: ViewName): Promise<void> {
    this.#patch(view, { isLoading: true, problem: null })
    const cursor = this.#cursors.get(view)
    const query = new URLSearchParams({ ...listViews[view].query, limit: String(PAGE), ...(cursor === undefined ? {} : { cursor }) })
    const answer = await this.#api.request<Page>('GET', `/v1/conversations?${query.toString()}`)
    if (answer.problem !== undefined) return this.#patch(view, { isLoading: false, problem: answer.problem })
    const { items, next } = answer.ok
    if (next !== null) this.#cursors.set(view, next)
    this.#holder.set((state) => withRows(state, items))
    this.#patch(view, { isLoading: false, isLoaded: true, hasMore: next !== null })
  }

  #fetchWanted(): void {
    for (const [id, wanted] of this.#wanted) {
      if (this.#fetching >= FETCHES_MAX) return
      this.#wanted.delete(id)
      this.#fetching++
      void this.#fetch(id, wanted).finally(() => {
        this.#fetching--
        this.#fetchWanted()
      })
    }
  }

  async #fetch(id: string, { position, isNews }: Wanted): Promise<void> {
    const options = position === null ? {} : { minPosition: position }
    const answer = await this.#api.request<Conversation>('GET', `/v1/conversations/${id}`, undefined, options)
    if (answer.problem !== undefined) return
    const row = answer.ok
    this.#holder.set((state) => ((state.rows.get(id)?.seq ?? 0) > row.seq ? state : withRow(state, id, row, isNews)))
  }
}
