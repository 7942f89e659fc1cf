// The write-ahead ledger of sends, one partition under its lease: `started` is durable before the first byte leaves.
// Between the sender and `sends`; settles what a commit of unknown fate has left behind.

import { hasCode } from '#errors'
import type { Lease, Log } from '#log'
import { decode, encode, keys, recordTypeOf, sendRecord, type EffectSend, type SendRecord } from '#schemas/log'
import { backoffMs, type WaitUntil } from './reports.ts'

export interface LedgerOptions {
  readonly log: Pick<Log, 'lease' | 'latest'>
  readonly partition: number
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
}

const COMMIT_BACKOFF = { firstMs: 50, maxMs: 5000 } as const

export const sendKeyOf = ({ conversationId, messageId, attempt }: Pick<EffectSend, 'conversationId' | 'messageId' | 'attempt'>): string =>
  keys.send(conversationId, messageId, attempt)

export class SendLedger {
  readonly #options: LedgerOptions
  #lease: Promise<Lease> | undefined

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Taken before the first look, so that whoever held it before can start nothing behind our back. */
  #leased(): Promise<Lease> {
    this.#lease ??= this.#options.log.lease('sender', this.#options.partition)
    this.#lease.catch(() => (this.#lease = undefined))
    return this.#lease
  }

  async read(key: string): Promise<SendRecord | null> {
    await this.#leased()
    const [record] = await this.#options.log.latest('sends', this.#options.partition, [key])
    return record?.value === undefined || record.value === null ? null : decode(sendRecord, record.value)
  }

  /** Durable when resolved. Refused writes are repeated until `signal` aborts; throws `fenced` when another node has the partition. */
  async write(record: SendRecord, signal: AbortSignal): Promise<void> {
    const key = sendKeyOf(record)
    const value = encode(sendRecord, record)
    for (let tries = 1; ; tries++) {
      const lease = await this.#leased()
      try {
        const headers = { type: recordTypeOf(sendRecord) }
        return await lease.commit({
          entries: [
            { topic: 'sends', partition: this.#options.partition, records: [{ key, value, headers, time: this.#options.clock() }] },
          ],
        })
      } catch (error) {
        if (signal.aborted || !hasCode(error, 'append_refused', 'commit_unknown', 'log_full')) throw error
        if (hasCode(error, 'commit_unknown') && (await this.#holds(key, value))) return
        await this.#options.wait(this.#options.clock() + backoffMs(tries, COMMIT_BACKOFF, this.#options.random), signal)
        if (signal.aborted) throw error
      }
    }
  }

  /** A new lease ends the open commit's chance to arrive late; then the log says whether it had arrived. */
  async #holds(key: string, value: Uint8Array): Promise<boolean> {
    this.#lease = undefined
    await this.#leased()
    const [record] = await this.#options.log.latest('sends', this.#options.partition, [key])
    return record?.value !== undefined && record.value !== null && Buffer.compare(record.value, value) === 0
  }

  async close(): Promise<void> {
    const lease = await this.#lease?.catch(() => undefined)
    await lease?.release()
  }
}
