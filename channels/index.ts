// The catalogue of channels: one folder and one line each.
// Between the dialects and everything that needs one of them by name.

import { custom } from './custom/index.ts'
import { instagram } from './instagram/index.ts'
import { messenger } from './messenger/index.ts'
import type { ChannelAdapter } from './shape.ts'
import { twilio } from './twilio/index.ts'
import { web } from './web/index.ts'
import { whatsapp } from './whatsapp/index.ts'

export const channels = { messenger, instagram, whatsapp, twilio, custom, web } as const satisfies Partial<Record<string, ChannelAdapter>>

export type ChannelName = keyof typeof channels

/** The adapter of a channel's name, or undefined for one that this program does not speak. */
export const channelOf = (name: string): ChannelAdapter | undefined =>
  Object.hasOwn(channels, name) ? channels[name as ChannelName] : undefined

export { storedContent } from './content.ts'
export type * from './shape.ts'
