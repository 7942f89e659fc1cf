// The roll: facts of many sessions and nodes as one answer per person: online before away, replying before viewing. Pure.
// Between the board's single facts and what clients are shown.

import { factIdOf, type Fact, type Place } from './index.ts'

/** The first that any session says is the state. */
const ORDER = ['online', 'away', 'replying', 'viewing']

export interface Person {
  readonly agentId: string
  readonly state: string
}

type Sources = Map<string, Fact>

interface Viewed {
  place: Place
  readonly people: Map<string, Sources>
}

const stateOf = (sources: Sources | undefined): string | undefined => {
  if (sources === undefined) return undefined
  const states = new Set([...sources.values()].map(({ state }) => state))
  return ORDER.find((state) => states.has(state))
}

const peopleIn = (people: ReadonlyMap<string, Sources>): Person[] =>
  [...people].flatMap(([agentId, sources]) => {
    const state = stateOf(sources)
    return state === undefined ? [] : [{ agentId, state }]
  })

/** People of one organization. */
export class Roll {
  readonly #present = new Map<string, Sources>()
  readonly #viewers = new Map<string, Viewed>()

  constructor(facts: Iterable<Fact> = []) {
    for (const fact of facts) this.put(fact)
  }

  /** True where it changes the person's state. */
  put(fact: Fact): boolean {
    const people = this.#peopleOf(fact)
    const sources = people.get(fact.principal.id) ?? new Map<string, Fact>()
    const before = stateOf(sources)
    people.set(fact.principal.id, sources.set(factIdOf(fact), fact))
    return stateOf(sources) !== before
  }

  drop(fact: Fact): boolean {
    const people = this.#peopleOf(fact)
    const sources = people.get(fact.principal.id)
    const before = stateOf(sources)
    sources?.delete(factIdOf(fact))
    if (sources?.size === 0) people.delete(fact.principal.id)
    const { place } = fact
    if (place !== null && people.size === 0) this.#viewers.delete(place.conversationId)
    return stateOf(sources) !== before
  }

  /** undefined = not there, as far as is known. */
  presenceOf(agentId: string): string | undefined {
    return stateOf(this.#present.get(agentId))
  }

  present(): readonly Person[] {
    return peopleIn(this.#present)
  }

  viewersOf(conversationId: string): readonly Person[] {
    return peopleIn(this.#viewers.get(conversationId)?.people ?? new Map<string, Sources>())
  }

  *viewed(): Iterable<{ readonly place: Place; readonly viewers: readonly Person[] }> {
    for (const { place, people } of this.#viewers.values()) yield { place, viewers: peopleIn(people) }
  }

  #peopleOf({ place }: Fact): Map<string, Sources> {
    if (place === null) return this.#present
    const known = this.#viewers.get(place.conversationId)
    const viewed: Viewed = known ?? { place, people: new Map<string, Sources>() }
    viewed.place = place
    if (known === undefined) this.#viewers.set(place.conversationId, viewed)
    return viewed.people
  }
}
