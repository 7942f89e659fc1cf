// What a client of any door was sent: every frame is kept, and a test waits for those it names.

import type { ServerFrame } from '#schemas'

export type Received<N extends ServerFrame['frame']> = Extract<ServerFrame, { frame: N }>
type EventFrame = Received<'event'>

const WAIT_MS = 10_000

export class Recorder {
  readonly frames: ServerFrame[] = []
  readonly #waiters = new Set<() => void>()
  #seen = 0

  protected note(frame: ServerFrame): void {
    this.frames.push(frame)
    for (const wake of this.#waiters) wake()
  }

  /** The first frame not yet waited for that fits; frames before it stay in `frames`. */
  async next<N extends ServerFrame['frame']>(name: N, fits: (frame: Received<N>) => boolean = () => true): Promise<Received<N>> {
    const deadline = performance.now() + WAIT_MS
    for (;;) {
      while (this.#seen < this.frames.length) {
        const frame = this.frames[this.#seen++] as ServerFrame
        if (frame.frame === name && fits(frame as Received<N>)) return frame as Received<N>
      }
      if (performance.now() > deadline)
        throw new Error(`no ${name} within ${WAIT_MS} ms; got ${this.frames.map(({ frame }) => frame).join(' ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 200)
        const waiters = this.#waiters
        function done(): void {
          clearTimeout(timer)
          waiters.delete(done)
          resolve()
        }
        waiters.add(done)
      })
    }
  }

  get events(): EventFrame[] {
    return this.frames.filter((frame): frame is EventFrame => frame.frame === 'event')
  }

  /** What a resume needs: the last checkpoint and the newest cursor of each slot since. */
  get resume(): { checkpoint: string; slots: Record<string, string> } {
    let checkpoint = ''
    let slots: Record<string, string> = {}
    for (const frame of this.frames) {
      if (frame.frame === 'welcome' || frame.frame === 'checkpoint') {
        checkpoint = frame.cursor
        slots = {}
      } else if (frame.frame === 'event' || frame.frame === 'state') slots[String(frame.slot)] = frame.cursor
    }
    return { checkpoint, slots }
  }
}
