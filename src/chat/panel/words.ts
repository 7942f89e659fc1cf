// What the widget says, in one place, and times and links as people read them.
// Pure, between the views and the reader's language.

export const words = {
  title: 'Chat with us',
  greeting: 'Hello! How can we help?',
  you: 'You',
  team: 'Team',
  log: 'Conversation',
  write: 'Write a message…',
  send: 'Send',
  attach: 'Attach a file',
  close: 'Close the chat',
  remove: (name: string) => `Remove ${name}`,
  sending: 'Sending…',
  delivered: 'Delivered',
  read: 'Read',
  notSent: 'Not sent.',
  tryAgain: 'Try again',
  deleted: 'Deleted',
  notShown: 'This message cannot be shown here.',
  file: 'File',
  isTyping: (name: string) => `${name} is typing`,
  newMessages: (count: number) => `${count} new messages`,
  withFile: 'a file',
  tooLong: (count: number) => `${count} characters too many`,
  answersHere: 'We answer right here.',
  away: 'The chat is not available here at the moment.',
  connections: {
    connecting: 'Connecting…',
    'catching-up': 'Catching up…',
    reconnecting: 'The connection is lost. Trying again…',
    offline: 'You are offline. Messages are sent when you are back.',
    ended: 'The chat has ended. Reload the page to start again.',
  },
} as const

export const timeWords = (iso: string): string =>
  new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(Date.parse(iso))

export const dayWords = (iso: string): string => {
  const at = new Date(iso)
  const isToday = at.toDateString() === new Date().toDateString()
  return new Intl.DateTimeFormat(
    undefined,
    isToday ? { hour: '2-digit', minute: '2-digit' } : { weekday: 'short', day: 'numeric', month: 'short' },
  ).format(at)
}

const LINK = /https?:\/\/[^\s<>"'`{}|\\^]+[^\s<>"'`{}|\\^.,;:!?)\]…]/giu

/** Splits at web addresses; nothing else ever becomes a link. */
export const linked = (text: string): { readonly text: string; readonly href?: string }[] => {
  const parts: { text: string; href?: string }[] = []
  let from = 0
  for (const match of text.matchAll(LINK)) {
    if (!URL.canParse(match[0])) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index) })
    parts.push({ text: match[0], href: match[0] })
    from = match.index + match[0].length
  }
  if (from < text.length) parts.push({ text: text.slice(from) })
  return parts
}
