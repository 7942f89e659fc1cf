// The only place where a wish becomes a request: the outgoing guard and the carriers of effects.
// Between the outbox and the world outside.

export { openOutgoing } from './http.ts'
export type { Outgoing, OutgoingAnswer, OutgoingOptions, OutgoingRequest, OutgoingStream } from './http.ts'
