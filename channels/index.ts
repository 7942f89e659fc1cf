// The catalogue of channels: one folder and one line each.
// Between the dialects and everything that needs one of them by name.

import type { ChannelAdapter } from './shape.ts'
import { twilio } from './twilio/index.ts'
import { web } from './web/index.ts'

export const channels = { twilio, web } as const satisfies Partial<Record<string, ChannelAdapter>>

export type ChannelName = keyof typeof channels

/** The adapter of a channel's name, or undefined for one that this program does not speak. */
export const channelOf = (name: string): ChannelAdapter | undefined =>
  Object.hasOwn(channels, name) ? channels[name as ChannelName] : undefined

export { storedContent } from './content.ts'
export type * from './shape.ts'
