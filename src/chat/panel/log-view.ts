// The thread on screen: greeting, days, bubbles, what is on its way, marks, who types; it follows the newest unless scrolled away.
// Between the chat's state and the elements of its log, which are changed in place by key.

import type { Attachment, Message } from '#schemas'
import { h, icon, place } from './dom.ts'
import { markOf, type ChatState, type PendingMessage } from './state.ts'
import { dayWords, linked, timeWords, words } from './words.ts'

/** Pixels from the end that still count as the end. */
const AT_END_PX = 60

interface LogHandlers {
  readonly onRetry: (pending: PendingMessage) => void
  /** A link has ended: fresh ones are wanted. */
  readonly onSpent: () => void
}

const LINK_MARGIN_MS = 30_000

const isSpent = (url: string): boolean => {
  const expires = /[?&]expires=(\d+)/.exec(url)?.[1]
  return expires !== undefined && Number(expires) * 1000 < Date.now() + LINK_MARGIN_MS
}

const fileView = (attachment: Attachment, onSpent: () => void): HTMLElement => {
  const name = attachment.name ?? words.file
  const { url, kind } = attachment
  if (url === undefined) return h('span', { class: 'file' }, icon('file'), h('span', {}, name))
  const renew = (): void => {
    if (isSpent(url)) onSpent()
  }
  if (kind === 'image' || kind === 'sticker') {
    const image = h('img', { src: url, alt: name, loading: 'lazy', onerror: renew })
    return h(
      'a',
      { class: 'picture', href: url, target: '_blank', rel: 'noopener noreferrer', onpointerenter: renew, onfocus: renew },
      image,
    )
  }
  if (kind === 'audio') return h('audio', { controls: true, preload: 'none', src: url, 'aria-label': name, onerror: renew })
  if (kind === 'video') return h('video', { controls: true, preload: 'metadata', src: url, 'aria-label': name, onerror: renew })
  return h('a', { class: 'file', href: url, download: name, onpointerenter: renew, onfocus: renew }, icon('file'), h('span', {}, name))
}

const textView = (text: string): HTMLElement =>
  h(
    'p',
    {},
    ...linked(text).map((part) =>
      part.href === undefined ? part.text : h('a', { href: part.href, target: '_blank', rel: 'noopener noreferrer' }, part.text),
    ),
  )

const bodyOf = ({ content, isDeleted }: Message, onSpent: () => void): HTMLElement[] => {
  if (isDeleted) return [h('p', { class: 'gone' }, words.deleted)]
  const said = content?.text ?? content?.answer?.text ?? ''
  const files = (content?.attachments ?? []).map((attachment) => fileView(attachment, onSpent))
  if (said === '' && files.length === 0) return [h('p', { class: 'gone' }, words.notShown)]
  return said === '' ? files : [...files, textView(said)]
}

const bubble = (message: Message, isFirst: boolean, onSpent: () => void): HTMLElement => {
  const isMine = message.direction === 'in'
  const author = isMine ? words.you : (message.author.name ?? words.team)
  return h(
    'div',
    { class: `line ${isMine ? 'mine' : 'theirs'}${isFirst ? ' first' : ''}` },
    isMine || !isFirst ? h('span', { class: 'hidden-text' }, author) : h('span', { class: 'author' }, author),
    h('div', { class: 'bubble', title: timeWords(message.orderAt) }, ...bodyOf(message, onSpent)),
  )
}

const pendingBubble = (pending: PendingMessage, onRetry: (pending: PendingMessage) => void): HTMLElement =>
  h(
    'div',
    { class: 'line mine pending' },
    h(
      'div',
      { class: 'bubble' },
      ...pending.attachments.map(({ name }) => h('span', { class: 'file' }, icon('file'), h('span', {}, name))),
      pending.text === '' ? null : textView(pending.text),
    ),
    pending.problem === null
      ? h('span', { class: 'mark' }, words.sending)
      : h(
          'span',
          { class: 'mark failed' },
          `${words.notSent} ${pending.problem.title} `,
          h('button', { type: 'button', onclick: () => onRetry(pending) }, words.tryAgain),
        ),
  )

export interface LogView {
  readonly element: HTMLElement
  draw(state: ChatState): void
  setGreeting(greeting: string): void
}

/** More than this at once is a number. */
const SPOKEN_MAX = 2

/** Says each answer once to those who listen to the page; never what was there before it was opened. */
const createSpeaker = (): { readonly element: HTMLElement; hear(state: ChatState): void } => {
  const element = h('div', { class: 'hidden-text', role: 'status' })
  let heard: number | null = null
  return {
    element,
    hear({ connection, messages }) {
      const newest = messages.findLast(({ direction }) => direction === 'out')?.seq ?? 0
      if (heard === null) {
        if (connection === 'live') heard = newest
        return
      }
      const fresh = messages.filter(({ direction, seq }) => direction === 'out' && seq > (heard ?? 0))
      heard = Math.max(heard, newest)
      if (fresh.length === 0) return
      element.textContent =
        fresh.length > SPOKEN_MAX
          ? words.newMessages(fresh.length)
          : fresh.map(({ author, content }) => `${author.name ?? words.team}: ${content?.text ?? words.withFile}`).join('. ')
    },
  }
}

const dayOf = (iso: string): string => new Date(iso).toDateString()

export const createLogView = ({ onRetry, onSpent }: LogHandlers): LogView => {
  const greeting = h('p', { class: 'greeting' })
  const lines = h('div', { class: 'lines' })
  const typing = h('div', { class: 'typing', role: 'status' })
  const speaker = createSpeaker()
  // Bubbles are drawn anew as they change; what is said of them is said once, by the speaker.
  const log = h('div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': words.log, tabindex: 0 }, greeting, lines, typing)
  const element = h('div', { class: 'frame' }, log, speaker.element)
  /** Elements by key, each with the value it was drawn from: the same value is the same element. */
  let drawn = new Map<string, { readonly value: unknown; readonly element: HTMLElement }>()

  const draw = (state: ChatState): void => {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END_PX
    speaker.hear(state)
    const next = new Map<string, { value: unknown; element: HTMLElement }>()
    const keep = (key: string, value: unknown, make: () => HTMLElement): void => {
      const known = drawn.get(key)
      next.set(key, known !== undefined && known.value === value ? known : { value, element: make() })
    }
    const mark = markOf(state)
    for (const [index, message] of state.messages.entries()) {
      const before = state.messages[index - 1]
      const isNewDay = before === undefined || dayOf(before.orderAt) !== dayOf(message.orderAt)
      if (isNewDay) keep(`day-${message.id}`, dayOf(message.orderAt), () => h('div', { class: 'day' }, dayWords(message.orderAt)))
      const isFirst = isNewDay || before.direction !== message.direction || before.author.id !== message.author.id
      keep(message.id, message, () => bubble(message, isFirst, onSpent))
      if (mark?.id === message.id) keep(`mark-${message.id}`, mark.mark, () => h('div', { class: 'mark' }, words[mark.mark]))
    }
    for (const pending of state.pending) keep(pending.clientId, pending, () => pendingBubble(pending, onRetry))
    drawn = next
    place(
      lines,
      [...next.values()].map((each) => each.element),
    )
    const typist = state.typing === null ? '' : words.isTyping(state.typing || words.team)
    if (typing.dataset['words'] !== typist) {
      typing.dataset['words'] = typist
      typing.replaceChildren(
        ...(typist === '' ? [] : [h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), typist]),
      )
    }
    if (isAtEnd) log.scrollTop = log.scrollHeight
  }

  return {
    element,
    draw,
    setGreeting: (text) => {
      greeting.textContent = text
    },
  }
}
