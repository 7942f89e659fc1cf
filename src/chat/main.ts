// The panel: begins when the page around says who it is, draws the chat, tells the page what it needs to know.
// Between the loader's messages, the chat and its views.

import type { Message } from '#schemas'
import { openBridge } from './panel/bridge.ts'
import { openChat, type Chat } from './panel/chat.ts'
import { createComposer } from './panel/composer-view.ts'
import { ringOf, textOn } from './panel/colors.ts'
import { h, icon } from './panel/dom.ts'
import { createLogView } from './panel/log-view.ts'
import { Refused, sessionOf, type ChatSession } from './panel/session.ts'
import { initialState, unreadOf, type ChatState, type PendingMessage } from './panel/state.ts'
import { uploadWith } from './panel/upload.ts'
import { words } from './panel/words.ts'
import './panel/panel.css'

/** A page over plain http has no randomUUID. */
const newId = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Waits between tries to begin, the last for good. */
const RETRY_MS = [500, 2_000, 5_000, 15_000]

let chat: Chat | null = null
let token = ''
let isOpen = false
/** Grows with each beginning: an answer to an earlier one is too late. */
let generation = 0
/** Written before the chat was there: shown at once, sent as soon as it is. */
let early: readonly PendingMessage[] = []
/** The page was told of; only a change is news to it. */
let toldUnread = 0

const title = h('h1', {}, words.title)
const lead = h('p', {}, words.answersHere)
const banner = h('div', { class: 'banner', role: 'status' })
const away = h('div', { class: 'away', role: 'status', hidden: true })
const log = createLogView({ onRetry: (pending) => chat?.retry(pending), onSpent: () => chat?.renewLinks() })
const composer = createComposer({
  onSend: (text, attachments) => {
    if (chat !== null) return chat.send(text, attachments)
    early = [...early, { clientId: newId(), text, attachments, at: new Date().toISOString(), problem: null }]
    log.draw({ ...initialState, pending: early })
  },
  onTyping: (isTyping) => chat?.typing(isTyping),
  upload: (file, onProgress) => uploadWith(() => token)(file, onProgress),
})

const bridge = openBridge({
  onStart: (isOpenNow) => {
    isOpen = isOpenNow
    begin()
  },
  onOpened: (takesFocus) => {
    isOpen = true
    look()
    tellUnread(0)
    // Refused when it was last tried: things may have changed since.
    if (!away.hidden) begin()
    if (takesFocus) composer.focus()
  },
  onClosed: () => {
    isOpen = false
    look()
  },
  onReset: () => {
    chat?.close()
    chat = null
    early = []
    composer.clear()
    draw(initialState)
    begin()
  },
})

const look = (): void => chat?.look(isOpen && document.visibilityState === 'visible')

const tellUnread = (count: number): void => {
  if (count === toldUnread) return
  toldUnread = count
  bridge.send('unread', { count })
}

const draw = (state: ChatState): void => {
  log.draw(state)
  const { connection } = state
  const said = connection === 'live' || connection === 'connecting' ? '' : words.connections[connection]
  if (banner.textContent !== said) banner.textContent = said
  // Nothing can be sent any more: nothing looks as if it could.
  composer.element.hidden = connection === 'ended'
  tellUnread(isOpen ? 0 : unreadOf(state))
}

/** The chat does not serve this page: said quietly, with nothing to write into. */
const withdraw = (isAway: boolean): void => {
  away.hidden = !isAway
  if (isAway && away.childElementCount === 0) away.append(icon('away'), h('p', {}, words.away))
  if (!isAway) away.replaceChildren()
  for (const element of [lead, log.element, composer.element]) element.hidden = isAway
}

const wear = ({ look: { name, greeting, color, side } }: ChatSession): void => {
  title.textContent = name
  log.setGreeting(greeting ?? words.greeting)
  if (color === null) return bridge.send('look', { side })
  const { style } = document.documentElement
  const onColor = textOn(color)
  style.setProperty('--color', color)
  style.setProperty('--on-color', onColor)
  style.setProperty('--ring', ringOf(color))
  bridge.send('look', { color, onColor, side })
}

const renew = async (): Promise<ChatSession> => {
  const session = sessionOf(await bridge.renew())
  token = session.token
  return session
}

const readMessages = async (position: string | null): Promise<readonly Message[] | null> => {
  const headers = { authorization: `Bearer ${token}`, ...(position === null ? {} : { 'confab-min-position': position }) }
  const response = await fetch('/v1/chat/messages?limit=50', { headers })
  return response.ok ? ((await response.json()) as { items: Message[] }).items : null
}

const connectAs = (first: ChatSession): void => {
  let unused: ChatSession | null = first
  chat = openChat({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/socket`,
    conversationId: first.conversationId,
    token: async () => {
      const session = unused ?? (await renew())
      unused = null
      return session
    },
    readMessages,
    onChange: draw,
    onAnswer: ({ id, content }) => bridge.send('event', { name: 'message', data: { id, text: content?.text ?? '' } }),
    newId,
  })
  for (const pending of early) chat.retry(pending)
  early = []
  look()
}

const tryToBegin = async (mine: number, attempt: number): Promise<void> => {
  try {
    const session = await renew()
    if (mine !== generation) return
    banner.textContent = ''
    withdraw(false)
    wear(session)
    connectAs(session)
  } catch (error) {
    if (mine !== generation) return
    const isRefused = error instanceof Refused
    withdraw(isRefused)
    banner.textContent = isRefused ? '' : words.connections.reconnecting
    if (!isRefused) setTimeout(() => void tryToBegin(mine, attempt + 1), RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)])
  }
}

const begin = (): void => {
  void tryToBegin(++generation, 0)
}

const close = h(
  'button',
  { type: 'button', 'aria-label': words.close, title: words.close, onclick: () => bridge.send('close') },
  icon('close'),
)
document
  .querySelector('#chat')
  ?.append(h('header', { class: 'head' }, h('div', {}, title, lead), close), banner, away, log.element, composer.element)
log.setGreeting(words.greeting)
document.addEventListener('visibilitychange', look)
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') bridge.send('close')
})
