// Who may begin a handshake: so many from an address and so many in all may be under way at once, before anything is known of them.
// Between the upgrade request and the door; an avalanche or a flood of silent sockets leaves room for the rest.

/** Bounds of handshakes that are under way: upgraded, and no session yet. */
export interface AdmissionConfig {
  readonly handshakesMax: number
  readonly handshakesPerAddressMax: number
  /** Begun by an address within a second. */
  readonly handshakesPerSecondMax: number
}

const SECOND_MS = 1_000
/** Addresses whose handshakes of this second are counted; while there are more, each is counted anew. */
const ADDRESSES_MAX = 100_000

export class Admission {
  readonly #config: AdmissionConfig
  readonly #byParty = new Map<string, number>()
  readonly #clock: () => number
  #begun = new Map<string, number>()
  #secondAt = Number.NEGATIVE_INFINITY
  #count = 0
  /** Handshakes refused so far. */
  refused = 0

  /** `clock`: milliseconds. */
  constructor(config: AdmissionConfig, clock: () => number) {
    this.#config = config
    this.#clock = clock
  }

  /** Handshakes under way. */
  get count(): number {
    return this.#count
  }

  #isPaced(party: string): boolean {
    const now = this.#clock()
    if (now - this.#secondAt >= SECOND_MS || this.#begun.size >= ADDRESSES_MAX) {
      this.#secondAt = now
      this.#begun = new Map()
    }
    const begun = (this.#begun.get(party) ?? 0) + 1
    this.#begun.set(party, begun)
    return begun <= this.#config.handshakesPerSecondMax
  }

  /** Answers what ends the handshake, to be called once or more; undefined = there is no room. */
  begin(party: string): (() => void) | undefined {
    const mine = this.#byParty.get(party) ?? 0
    if (this.#count >= this.#config.handshakesMax || mine >= this.#config.handshakesPerAddressMax || !this.#isPaced(party)) {
      this.refused++
      return undefined
    }
    this.#count++
    this.#byParty.set(party, mine + 1)
    let isEnded = false
    return () => {
      if (isEnded) return
      isEnded = true
      this.#count--
      const left = (this.#byParty.get(party) ?? 1) - 1
      if (left > 0) this.#byParty.set(party, left)
      else this.#byParty.delete(party)
    }
  }
}
