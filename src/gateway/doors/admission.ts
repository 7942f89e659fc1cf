// Who may begin a handshake: so many from an address and so many in all may be under way at once, before anything is known of them.
// Between the upgrade request and the door; an avalanche or a flood of silent sockets leaves room for the rest.

/** Bounds of handshakes that are under way: upgraded, and no session yet. */
export interface AdmissionConfig {
  readonly handshakesMax: number
  readonly handshakesPerAddressMax: number
}

export class Admission {
  readonly #config: AdmissionConfig
  readonly #byParty = new Map<string, number>()
  #count = 0
  /** Handshakes refused so far. */
  refused = 0

  constructor(config: AdmissionConfig) {
    this.#config = config
  }

  /** Handshakes under way. */
  get count(): number {
    return this.#count
  }

  /** Answers what ends the handshake, to be called once or more; undefined = there is no room. */
  begin(party: string): (() => void) | undefined {
    const mine = this.#byParty.get(party) ?? 0
    if (this.#count >= this.#config.handshakesMax || mine >= this.#config.handshakesPerAddressMax) {
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
