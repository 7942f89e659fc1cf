// How people are shown: a name or what stands for one, initials, and a colour that follows from the id.
// Between rows whose names may be missing and everything that draws a person.

import type { Conversation } from '#schemas'

/** FNV-1a over the id, so that one person has one colour on every screen and after every reload. */
export const hueOf = (id: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  // Twelve hues, far enough apart to be told from each other.
  return ((hash >>> 0) % 12) * 30 + 12
}

/** At most two letters; for an address that has none, its last two digits. */
export const initialsOf = (name: string): string => {
  const words = name.split(/[\s._@-]+/u).filter((word) => /^\p{L}/u.test(word))
  if (words.length === 0) return /(\d{1,2})\D*$/.exec(name)?.[1] ?? '?'
  const shown = words.length === 1 ? words : [words[0] ?? '', words.at(-1) ?? '']
  return shown
    .map((word) => String.fromCodePoint(word.codePointAt(0) ?? 63))
    .join('')
    .toLocaleUpperCase()
}

/** A contact's name, their address, or a plain word with the thread's reference. */
export const contactNameOf = ({ contact, channel, ref }: Pick<Conversation, 'contact' | 'channel' | 'ref'>): string => {
  if (contact.name !== null && contact.name !== '') return contact.name
  // A visitor's address is a number drawn by the widget: it names nobody.
  if (contact.address !== null && contact.address !== '' && channel !== 'web') return contact.address
  return `Visitor ${ref.slice(0, 4).toLocaleUpperCase()}`
}
