// The socket's language: frames in are checked against their schema, frames out become bytes; close codes say what to do next.
// Between sessions and the doors; the shapes themselves stand in schemas/api/socket.ts.

import { Compile } from 'typebox/compile'
import { ClientFrame, type Problem, type ServerFrame } from '#schemas'
import { ConfabError, errors } from '#errors'
import { textFrame } from './doors/frames.ts'

export const SUBPROTOCOL = 'confab.v1'

/** 4000–4499: come back. 4500–4999: stay away (realtime.md §9). */
export const closeCodes = {
  /** RFC 6455's own, as `ws` says it. */
  tooLarge: 1009,
  drain: 4000,
  notDrained: 4001,
  silent: 4002,
  aged: 4003,
  overloaded: 4004,
  tokenExpired: 4010,
  badFrame: 4500,
  tokenRefused: 4501,
  revoked: 4502,
  origin: 4503,
  version: 4504,
  limits: 4505,
} as const
export type CloseReason = keyof typeof closeCodes

/** What doors without close codes say at the end instead. */
export const endOf = (reason: CloseReason): Extract<ServerFrame, { frame: 'error' }> => {
  const close = closeCodes[reason]
  const code = reason.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return { frame: 'error', code, close, mayReturn: close >= 4000 && close < 4500 }
}

const clientFrame = Compile(ClientFrame)

/** undefined for what is no frame of the protocol. */
export const parseFrame = (text: string): ClientFrame | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return clientFrame.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const bytesOf = (frame: ServerFrame): Buffer => textFrame(JSON.stringify(frame))

/** RFC 9457. Unknown errors say nothing of themselves. */
export const problemOf = (error: unknown): Problem => {
  const known = error instanceof ConfabError ? error : new ConfabError('internal')
  return {
    ...known.fields,
    type: `urn:confab:problem:${known.code}`,
    title: errors[known.code].title,
    status: known.status,
    code: known.code,
    ...(known.message === errors[known.code].title ? {} : { detail: known.message }),
    ...(known.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: known.retryAfterSeconds }),
  }
}
