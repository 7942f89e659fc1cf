// Ids that nobody has drawn before, also on pages over plain http, where the browser offers no randomUUID.
// Between actions and the idempotency keys they go by.

export const drawId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
