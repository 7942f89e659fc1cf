// WebSocket frames made once and written to many sockets (RFC 6455 §5.2): the only file that reaches behind `ws`.
// Between a session's frames of one turn and one write to its socket; `ws` itself reads, pings and closes.

import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

const TEXT_FINAL = 0x81
const LENGTH_16 = 126
const LENGTH_64 = 127

/** One unmasked text frame, as servers send them. */
export const textFrame = (text: string): Buffer => {
  const length = Buffer.byteLength(text)
  const headBytes = length < LENGTH_16 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + length)
  frame[0] = TEXT_FINAL
  if (headBytes === 2) frame[1] = length
  else if (headBytes === 4) {
    frame[1] = LENGTH_16
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = LENGTH_64
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headBytes)
  return frame
}

/** The payload of a frame that `textFrame` made. */
export const payloadOf = (frame: Buffer): Buffer => {
  const length = (frame[1] as number) & 0x7f
  return frame.subarray(length < LENGTH_16 ? 2 : length === LENGTH_16 ? 4 : 10)
}

/** The socket under a `ws` connection, which its types do not show; undefined before it opens and after it closes. */
const socketOf = (webSocket: WebSocket): Socket | undefined => (webSocket as unknown as { _socket?: Socket | null })._socket ?? undefined

/**
 * Writes frames as one. Without compression `ws` holds no queue of its own, so that these bytes lie between two of its frames.
 * `done` is called once they have left the process, or never will.
 */
export const writeFrames = (webSocket: WebSocket, frames: readonly Buffer[], done: () => void): void => {
  const socket = socketOf(webSocket)
  if (socket === undefined || !socket.writable) return done()
  socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames), done)
}
