// What the end of a request proves: whether its first byte can have left before it broke.
// Between undici's many errors and the two codes a sender acts upon.

import type { Dispatcher } from 'undici'
import { ConfabError, hasCode } from '#errors'

export interface Watch {
  readonly wrap: (dispatcher: Dispatcher) => Dispatcher
  /** Whether a request was handed to a socket; from then on bytes count as left. */
  readonly hasStarted: () => boolean
}

/** Notes when a request gets its socket; a second time would be a silent repeat of a send, and is refused. */
export const startWatch = (): Watch => {
  let hasStarted = false
  const watched = (handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler => {
    let isThisStarted = false
    return {
      onRequestStart(controller, context) {
        if (isThisStarted) return controller.abort(new ConfabError('request_cut_off', { fields: { reason: 'connection_lost' } }))
        isThisStarted = true
        hasStarted = true
        handler.onRequestStart?.(controller, context)
      },
      onResponseStart: (...details) => handler.onResponseStart?.(...details),
      onResponseData: (...details) => handler.onResponseData?.(...details),
      onResponseEnd: (...details) => handler.onResponseEnd?.(...details),
      onResponseError: (...details) => handler.onResponseError?.(...details),
    }
  }
  return {
    // request()'s own handler speaks undici's older dialect; compose() wraps it into the newer one first.
    wrap: (dispatcher) => dispatcher.compose((dispatch) => (options, handler) => dispatch(options, watched(handler))),
    hasStarted: () => hasStarted,
  }
}

export const failureOf = (error: unknown, { hasStarted, isTimedOut }: { hasStarted: boolean; isTimedOut: boolean }): ConfabError => {
  if (hasCode(error, 'egress_refused', 'request_cut_off')) return error as ConfabError
  if (!hasStarted)
    return hasCode(error, 'request_not_sent') ? (error as ConfabError) : new ConfabError('request_not_sent', { cause: error })
  return new ConfabError('request_cut_off', { fields: { reason: isTimedOut ? 'timed_out' : 'connection_lost' }, cause: error })
}
