// The panel: begins when the page around says who it is, draws the chat, tells the page what it needs to know.
// Between the loader's messages, the chat and its views.

import type { Message } from '#schemas'
import { openBridge } from './panel/bridge.ts'
import { openChat, type Chat } from './panel/chat.ts'
import { createComposer } from './panel/composer-view.ts'
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
/** Written before the chat was there: sent as soon as it is. */
let early: { readonly text: string; readonly attachments: PendingMessage['attachments'] }[] = []

const title = h('h1', {}, words.title)
const lead = h('p', {}, words.answersHere)
const banner = h('div', { class: 'banner', role: 'status' })
const log = createLogView({ onRetry: (pending) => chat?.retry(pending), onSpent: () => chat?.renewLinks() })
const composer = createComposer({
  onSend: (text, attachments) => {
    if (chat === null) early.push({ text, attachments })
    else chat.send(text, attachments)
  },
  onTyping: (isTyping) => chat?.typing(isTyping),
  upload: (file, onProgress) => uploadWith(() => token)(file, onProgress),
})

const bridge = openBridge({
  onStart: (isOpenNow) => {
    isOpen = isOpenNow
    begin()
  },
  onOpened: () => {
    isOpen = true
    look()
    composer.focus()
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
    log.draw(initialState)
    begin()
  },
})

const look = (): void => chat?.look(isOpen && document.visibilityState === 'visible')

const draw = (state: ChatState): void => {
  log.draw(state)
  const { connection } = state
  banner.textContent = connection === 'live' || connection === 'connecting' ? '' : words.connections[connection]
  bridge.send('unread', { count: isOpen ? 0 : unreadOf(state) })
}

const wear = ({ look: { name, greeting, color, side } }: ChatSession): void => {
  title.textContent = name
  log.setGreeting(greeting ?? words.greeting)
  if (color !== null) document.documentElement.style.setProperty('--color', color)
  bridge.send('look', { ...(color === null ? {} : { color }), side })
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
  for (const { text, attachments } of early) chat.send(text, attachments)
  early = []
  look()
}

const tryToBegin = async (mine: number, attempt: number): Promise<void> => {
  try {
    const session = await renew()
    if (mine !== generation) return
    wear(session)
    connectAs(session)
  } catch (error) {
    if (mine !== generation) return
    banner.textContent = error instanceof Refused ? error.message : words.connections.reconnecting
    if (!(error instanceof Refused)) setTimeout(() => void tryToBegin(mine, attempt + 1), RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)])
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
  ?.append(h('header', { class: 'head' }, h('div', {}, title, lead), close), banner, log.element, composer.element)
log.setGreeting(words.greeting)
document.addEventListener('visibilitychange', look)
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') bridge.send('close')
})
