// Frames as Socket.IO packets: each is an event of the frame's name with the frame as its only argument, encoded once for all recipients.
// Between a session's frames of one turn and one write to its engine.io connection, polling or WebSocket.

import type { Socket } from 'socket.io'
import { payloadOf, textFrame } from './frames.ts'

/** Engine.IO's sign of a message, and what it puts between the packets of one polling answer; JSON never holds it. */
const MESSAGE = '4'
const SEPARATOR = '\u001E'
/** Socket.IO's sign of an event. */
const EVENT = '2'
/** Frames of the latest events, which one turn brings to many. */
const KNOWN_MAX = 512
const SHARED = new Set(['event', 'state', 'ephemeral'])

export type EngineConnection = Socket['conn']

const NAME = /^\{"frame":"([a-z]+)"/

export const textOf = (frame: Buffer): string => payloadOf(frame).toString()

/** A frame's name, from its JSON. */
export const nameOf = (text: string): string => NAME.exec(text)?.[1] ?? (JSON.parse(text) as { frame: string }).frame

interface Packet {
  readonly name: string
  /** Event name and frame: what follows the namespace. */
  readonly text: string
  /** As a WebSocket frame, for the namespace `/`. */
  readonly bytes: Buffer
}

const packetOf = (text: string, namespace: string): string => (namespace === '/' ? `${EVENT}${text}` : `${EVENT}${namespace},${text}`)
const bytesOf = (text: string, namespace: string): Buffer => textFrame(`${MESSAGE}${packetOf(text, namespace)}`)

export class Packets {
  readonly #known = new Map<Buffer, Packet>()

  of(frame: Buffer): Packet {
    const known = this.#known.get(frame)
    if (known !== undefined) return known
    const json = textOf(frame)
    const name = nameOf(json)
    const text = `["${name}",${json}]`
    const packet = { name, text, bytes: bytesOf(text, '/') }
    if (SHARED.has(name)) {
      if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value as Buffer)
      this.#known.set(frame, packet)
    }
    return packet
  }
}

/**
 * Writes packets as one. On a WebSocket they leave as frames made here; an answer to a poll holds them all, as text.
 * `done` once engine.io has handed them on; never where the connection ends before.
 */
export const writePackets = (connection: EngineConnection, namespace: string, packets: readonly Packet[], done?: () => void): void => {
  const frames = packets.map(({ text, bytes }) => (namespace === '/' ? bytes : bytesOf(text, namespace)))
  // A connection that has been upgraded never polls again; one that polls may be upgraded before this is written.
  const isPolling = connection.transport.name !== 'websocket'
  const text = isPolling ? packets.map((packet) => packetOf(packet.text, namespace)).join(`${SEPARATOR}${MESSAGE}`) : ''
  const options = { compress: false, wsPreEncodedFrame: [frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames)] }
  connection.write(text, options, done)
}

/** How long a client is given to read the last words. */
export const CLOSE_MS = 2_000

/** Closes in order; who does not read or poll is cut. */
export const closeConnection = (connection: EngineConnection): void => {
  // A poll that never comes is awaited half a minute, whatever is said later.
  if (connection.transport.name === 'polling') Object.assign(connection.transport, { closeTimeout: CLOSE_MS })
  connection.close()
  const timer = setTimeout(() => connection.close(true), CLOSE_MS)
  connection.once('close', () => clearTimeout(timer))
}
