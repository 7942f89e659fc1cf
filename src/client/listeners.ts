// Who wants to hear: calls each, keeps one's fault from the others.
// Between a part that has news and callers that come and go.

export class Listeners<T> {
  readonly #calls = new Set<(news: T) => void>()
  readonly #onError: (error: unknown) => void

  constructor(first: ((news: T) => void) | undefined, onError: (error: unknown) => void = () => undefined) {
    if (first !== undefined) this.#calls.add(first)
    this.#onError = onError
  }

  /** Answers what takes it out again. */
  add(call: (news: T) => void): () => void {
    this.#calls.add(call)
    return () => void this.#calls.delete(call)
  }

  tell(news: T): void {
    for (const call of this.#calls) {
      try {
        call(news)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
