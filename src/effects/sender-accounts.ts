// What the sender knows of each account: how fast it may go, and whether its provider has refused its credentials.
// Between the lanes and the settings; nothing here outlives the process.

import { channelOf } from '#channels'
import type { Settings } from '#runtime'
import type { EffectSend, SendReason, SendState } from '#schemas/log'
import type { Logger, WaitUntil } from './reports.ts'
import { Gate, Pace } from './sender-pace.ts'

export interface Conclusion {
  readonly state: SendState
  readonly reason: SendReason | null
  readonly providerCode: number | null
  readonly providerMessageId: string | null
}

export const failed = (reason: SendReason, providerCode: number | null = null): Conclusion => ({
  state: 'failed',
  reason,
  providerCode,
  providerMessageId: null,
})

/** After a refusal of the credentials, this long no request is made for the account, unless they change. */
const HALT_MS = 60_000

interface AccountState {
  readonly gate: Gate
  halt?: { readonly credentials: string; readonly until: number; readonly conclusion: Conclusion }
}

type Place = Pick<EffectSend, 'accountId' | 'channel'>

export interface AccountsOptions {
  readonly settings: Pick<Settings, 'account'>
  readonly clock: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
  readonly signal: AbortSignal
}

export class Accounts {
  readonly #options: AccountsOptions
  /** One an account that has sent: bounded by the settings. */
  readonly #states = new Map<string, AccountState>()

  constructor(options: AccountsOptions) {
    this.#options = options
  }

  gateOf(place: Place): Gate {
    return this.#stateOf(place).gate
  }

  /** How its sends end without a request while the account is halted. */
  haltOf(place: Place): Conclusion | undefined {
    const { halt } = this.#stateOf(place)
    const isHalted = halt !== undefined && halt.credentials === this.#credentialsOf(place) && this.#options.clock() < halt.until
    return isHalted ? halt.conclusion : undefined
  }

  halt(place: Place, conclusion: Conclusion): void {
    const { logger, clock } = this.#options
    logger.error(
      { accountId: place.accountId, reason: conclusion.reason, providerCode: conclusion.providerCode },
      'account refused by its provider',
    )
    this.#stateOf(place).halt = { credentials: this.#credentialsOf(place), until: clock() + HALT_MS, conclusion }
  }

  /** Sealed, as they lie: new ones are worth a try. */
  #credentialsOf({ accountId }: Place): string {
    return this.#options.settings.account(accountId)?.sealedCredentials?.toString('base64') ?? ''
  }

  #stateOf({ accountId, channel }: Place): AccountState {
    const { clock, settings } = this.#options
    const account = settings.account(accountId)
    const own = Number(account?.options['ratePerSecond'])
    const rate = own > 0 ? own : (channelOf(channel)?.provider?.ratePerSecond(account?.externalId ?? '') ?? 1)
    const state = this.#states.get(accountId) ?? { gate: new Gate(new Pace(clock, rate), this.#options) }
    this.#states.set(accountId, state)
    state.gate.pace.configure(rate)
    return state
  }
}
