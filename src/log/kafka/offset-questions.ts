// Gathers what one turn asks about offsets into one question a kind: a node that opens asks for hundreds at once.
// Stands between `bounds`, `latest`, leases and the client.

import type { Offset } from '../index.ts'
import type { KafkaClient, OffsetWish, Place } from './client.ts'

interface Asked {
  readonly place: Place
  readonly resolve: (offset: Offset) => void
  readonly reject: (error: unknown) => void
}

export class OffsetQuestions {
  readonly #client: KafkaClient
  readonly #asked = new Map<OffsetWish, Asked[]>()

  constructor(client: KafkaClient) {
    this.#client = client
  }

  /** Rejects with `log_stale`, `log_closed`. */
  ask(place: Place, wish: OffsetWish): Promise<Offset> {
    const { promise, resolve, reject } = Promise.withResolvers<Offset>()
    const gathered = this.#asked.get(wish)
    const asked: Asked = { place, resolve, reject }
    if (gathered !== undefined) gathered.push(asked)
    else {
      this.#asked.set(wish, [asked])
      setImmediate(() => void this.#send(wish))
    }
    return promise
  }

  async #send(wish: OffsetWish): Promise<void> {
    const asked = this.#asked.get(wish) ?? []
    this.#asked.delete(wish)
    // A request may name a partition once.
    const places = new Map(asked.map(({ place }) => [`${place.topic}/${place.partition}`, place]))
    try {
      const offsets = await this.#client.offsets([...places.values()], wish)
      const found = new Map([...places.keys()].map((key, index) => [key, offsets[index] as Offset]))
      for (const { place, resolve } of asked) resolve(found.get(`${place.topic}/${place.partition}`) as Offset)
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}
