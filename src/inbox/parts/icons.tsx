// The icons, drawn as strokes on a 16 by 16 grid, and the marks of the channels.
// Between every pane and SVG: no icon font, no foreign asset, nothing that a content policy would stop.

import type { ReactElement } from 'react'

const paths = {
  inbox:
    'M2.5 9.500 4.300 3.600A1.500 1.500 0 0 1 5.700 2.500h4.600a1.500 1.500 0 0 1 1.400 1.100l1.800 5.900v2.500a1.500 1.500 0 0 1-1.500 1.500H4a1.500 1.500 0 0 1-1.500-1.500zM2.500 9.500h3l.8 1.500h3.400l.8-1.500h3',
  person:
    'M8 8.200a2.700 2.700 0 1 0 0-5.400 2.700 2.700 0 0 0 0 5.400zM2.800 13.500c.5-2.300 2.500-3.600 5.200-3.600s4.700 1.300 5.200 3.600',
  circle: 'M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11z',
  clock: 'M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM8 5v3.200l2.200 1.300',
  moon: 'M13 9.600A5.400 5.400 0 0 1 6.400 3a5.500 5.500 0 1 0 6.600 6.600z',
  check: 'm3 8.500 3.200 3.200L13 4.800',
  checks: 'm1.500 8.600 2.900 2.900 6-6.300M7.600 11l.6.5 6.200-6.400',
  done: 'M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM5.400 8.200l1.800 1.800 3.400-3.700',
  reopen: 'M3 8a5 5 0 1 0 1.700-3.800M3 2.800v2.700h2.700',
  send: 'M13.500 2.500 7 9M13.500 2.500 9.300 13.500 7 9 2.500 6.700z',
  lock: 'M4 7.300h8a.8.8 0 0 1 .8.800v4.600a.8.8 0 0 1-.8.800H4a.8.8 0 0 1-.8-.8V8.100a.8.8 0 0 1 .8-.8zM5.300 7.200V5.300a2.700 2.700 0 0 1 5.400 0v1.900',
  clip: 'm12.700 7.400-4.900 4.900a3.100 3.100 0 0 1-4.400-4.400l5.300-5.300a2.100 2.100 0 0 1 2.900 2.900L6.500 10.600a1 1 0 0 1-1.400-1.400l4.500-4.500',
  label: 'M2.500 3.500v3.800L8.700 13.500l4.800-4.800L7.300 2.500H3.500a1 1 0 0 0-1 1zM5.300 5.300h0',
  flag: 'M3.500 14V2.700M3.500 3.200c3-1.600 5.500 1.600 9 0v6c-3.500 1.600-6-1.600-9 0',
  search: 'M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.300 10.300l3.200 3.200',
  settings:
    'M2.500 4.500h6M11.500 4.500h2M2.500 11.500h2M7.500 11.500h6M10 6.100a1.600 1.600 0 1 0 0-3.200 1.600 1.600 0 0 0 0 3.200zM6 13.100a1.600 1.600 0 1 0 0-3.200 1.600 1.600 0 0 0 0 3.200z',
  panel: 'M3.500 3h9A1 1 0 0 1 13.500 4v8a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM9.800 3v10',
  back: 'M9.800 3.500 5.300 8l4.500 4.500',
  close: 'm4 4 8 8M12 4l-8 8',
  more: 'M3.500 8h0M8 8h0M12.500 8h0',
  menu: 'M2.500 4.500h11M2.500 8h11M2.500 11.500h11',
  chevron: 'm4.500 6.300 3.500 3.500 3.500-3.500',
  alert: 'M8 2.800 14 13H2zM8 6.600v2.900M8 11.300h0',
  question: 'M8 13.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM6.400 6.400a1.700 1.700 0 1 1 2.300 1.600c-.5.200-.7.500-.7 1M8 11h0',
  file: 'M4.500 2.500h4.300l3.200 3.200v7a.8.8 0 0 1-.8.800H4.500a.8.8 0 0 1-.8-.8V3.300a.8.8 0 0 1 .8-.8zM8.700 2.600v3.200h3.200',
  pin: 'M8 13.800s4.500-4 4.500-7.300a4.500 4.500 0 0 0-9 0c0 3.300 4.500 7.300 4.500 7.300zM8 8a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3z',
  bot: 'M4 6h8a1 1 0 0 1 1 1v5a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1zM8 6V3.500M6 9.300v.4M10 9.300v.4',
  bolt: 'M8.700 2.300 3.700 9h4l-.500 4.700 5-6.700h-4z',
  retry: 'M13 8a5 5 0 1 1-1.700-3.800M13 2.800v2.700h-2.700',
  copy: 'M6 5.500h6a.8.8 0 0 1 .8.800v6a.8.8 0 0 1-.8.800H6a.8.8 0 0 1-.8-.8v-6a.8.8 0 0 1 .8-.8zM10.800 5.400V3.800a.8.8 0 0 0-.8-.8H4a.8.8 0 0 0-.8.800v6a.8.8 0 0 0 .8.800h1.200',
  plus: 'M8 3.500v9M3.500 8h9',
  exit: 'M6.500 2.800H4a1 1 0 0 0-1 1v8.400a1 1 0 0 0 1 1h2.500M10 5l3 3-3 3M12.700 8H6.500',
  arrowDown: 'M8 3v10M3.800 9 8 13.200 12.200 9',
} as const

export type IconName = keyof typeof paths

/** Decoration: whoever shows an icon alone names it in words beside it. */
export const Icon = ({ name, size }: { readonly name: IconName; readonly size?: number }): ReactElement => (
  <svg
    className="icon"
    viewBox="0 0 16 16"
    aria-hidden="true"
    {...(size === undefined ? {} : { style: { width: `${size / 16}rem`, height: `${size / 16}rem` } })}
  >
    <path d={paths[name]} />
  </svg>
)

/** One solid path a channel, on a ground of its own; the name is said beside it or in `title`. */
const channelMarks: Readonly<Record<string, string>> = {
  web: 'M4.500 3h7A1.500 1.500 0 0 1 13 4.500v5A1.500 1.500 0 0 1 11.500 11H8.300L5.600 13.200a.4.4 0 0 1-.6-.3V11h-.5A1.500 1.500 0 0 1 3 9.500v-5A1.500 1.500 0 0 1 4.500 3z',
  twilio:
    'M5.500 1.500h5A1.500 1.500 0 0 1 12 3v10a1.500 1.500 0 0 1-1.500 1.500h-5A1.500 1.500 0 0 1 4 13V3a1.500 1.500 0 0 1 1.500-1.500zM5.500 3.500v7.500h5V3.500zM8 12a.8.8 0 1 0 0 1.500.8.8 0 0 0 0-1.500z',
  whatsapp:
    'M8 2a6 6 0 0 0-5.200 9L2 14l3.100-.8A6 6 0 1 0 8 2zm3.200 8.200c-.3.800-1.500 1.100-2.300.9-2-.5-3.700-2.200-4.200-4-.2-.8.200-1.800.9-2.200.3-.1.700 0 .8.300l.5 1.100c.1.200 0 .5-.1.600l-.5.6c.4.8 1.100 1.500 2 1.900l.6-.6c.2-.2.400-.2.600-.1l1.200.6c.400.2.600.500.5.9z',
  messenger:
    'M8 2C4.600 2 2 4.400 2 7.500c0 1.700.8 3.100 2 4.100v2.400l2-1.100c.6.2 1.300.3 2 .3 3.400 0 6-2.400 6-5.600S11.400 2 8 2zm.600 7.300L7.100 7.700 4.200 9.300l3.200-3.400 1.500 1.600 2.900-1.600z',
  instagram:
    'M5 2h6a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H5a3 3 0 0 1-3-3V5a3 3 0 0 1 3-3zm0 1.500A1.500 1.500 0 0 0 3.500 5v6A1.500 1.500 0 0 0 5 12.500h6a1.500 1.500 0 0 0 1.500-1.500V5A1.500 1.500 0 0 0 11 3.500zM8 5.200A2.800 2.800 0 1 1 8 10.800 2.800 2.800 0 0 1 8 5.200z',
  telegram:
    'M14 2.800 12 13c-.1.600-.6.700-1.100.4L7.800 11l-1.500 1.500c-.2.2-.5.1-.5-.2V9.700l5.300-4.900L4.600 9 2 8.100c-.5-.2-.5-.7 0-.9L13.200 2.300c.5-.2 1 .1.8.5z',
  custom: 'M3 3.500h4v4H3zM9 3.500h4v4H9zM3 9h4v4H3zM9 9h4v4H9z',
}

const channelNames: Readonly<Record<string, string>> = {
  web: 'Web chat',
  twilio: 'SMS',
  whatsapp: 'WhatsApp',
  messenger: 'Messenger',
  instagram: 'Instagram',
  smpp: 'SMS',
  viber: 'Viber',
  telegram: 'Telegram',
  custom: 'Custom channel',
}

export const channelName = (channel: string): string => channelNames[channel] ?? channel

export const ChannelMark = ({ channel }: { readonly channel: string }): ReactElement => (
  <svg className={`channel-mark channel-mark--${channel}`} viewBox="0 0 16 16" role="img" aria-label={channelName(channel)}>
    <title>{channelName(channel)}</title>
    <path fillRule="evenodd" d={channelMarks[channel] ?? channelMarks['custom']} />
  </svg>
)
