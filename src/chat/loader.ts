// The script a page embeds: a button in a corner, an iframe with the panel behind it, and `confab(...)` for the page.
// Between a stranger's page, whose storage holds the resume secret and whose origin the server checks, and the panel, with which it talks by messages.

interface PanelMessage {
  readonly confab: 1
  readonly type: 'ready' | 'renew' | 'unread' | 'close' | 'look' | 'event'
  readonly count?: number
  readonly color?: string
  /** Black or white: what can be read on the colour. */
  readonly onColor?: string
  readonly side?: 'left' | 'right'
  readonly name?: string
  readonly data?: unknown
}

type Listener = (data: unknown) => void
type Call = readonly [string, ...unknown[]]
type ConfabFunction = ((...call: Call) => void) & { q?: Call[] }

const script = document.currentScript as HTMLScriptElement
const host = new URL(script.src).origin
const accountId = script.dataset['account'] ?? ''
const storageKey = `confab.${accountId}`

const styles = `
:host { all: initial; }
button { position: fixed; z-index: 2147483000; bottom: 20px; width: 56px; height: 56px; padding: 0; border: 0; border-radius: 50%;
  background: var(--color, #2f5fd0); color: var(--on-color, #fff); cursor: pointer; box-shadow: 0 2px 6px rgb(20 28 46 / 22%), 0 8px 28px rgb(20 28 46 / 24%);
  transition: transform 140ms; }
button:hover { transform: scale(1.05); }
button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #171b24; }
svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.close, .open .chat { display: none; } .open .close { display: inline; }
.badge { position: absolute; top: -2px; right: -2px; min-width: 20px; height: 20px; padding: 0 5px; box-sizing: border-box; border-radius: 10px;
  background: #c22f3d; color: #fff; font: 600 12px/20px system-ui, sans-serif; text-align: center; }
.badge:empty { display: none; }
.status { position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
iframe { position: fixed; z-index: 2147483000; bottom: 88px; width: min(380px, calc(100vw - 32px)); height: min(620px, calc(100dvh - 112px));
  border: 0; border-radius: 18px; color-scheme: normal; box-shadow: 0 4px 12px rgb(20 28 46 / 14%), 0 16px 48px rgb(20 28 46 / 26%); }
.right button, .right iframe { right: 20px; } .left button, .left iframe { left: 20px; }
iframe[hidden] { display: none; }
@media (max-width: 480px), (max-height: 480px) { iframe { inset: 0 !important; width: 100vw; height: 100dvh; border-radius: 0; } .open button { display: none; } }
@media (prefers-reduced-motion: reduce) { button { transition: none; } }`

const icon = (className: string, path: string): SVGSVGElement => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('class', className)
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  shape.setAttribute('d', path)
  svg.append(shape)
  return svg
}

/** Storage may be forbidden: then the thread lasts as long as the page. */
const storage = {
  get: (): string | null => {
    try {
      return localStorage.getItem(storageKey)
    } catch {
      return null
    }
  },
  set: (secret: string | null): void => {
    try {
      if (secret === null) localStorage.removeItem(storageKey)
      else localStorage.setItem(storageKey, secret)
    } catch {
      // Nothing to keep it in.
    }
  },
}

const frame = document.createElement('div')
frame.className = 'right'
const button = document.createElement('button')
const badge = document.createElement('span')
const listeners = new Map<string, Set<Listener>>()
/** Speaks while the panel is closed; what is in the panel speaks for itself. */
const speaker = document.createElement('span')
let panel: HTMLIFrameElement | undefined
/** The panel listens: before that its window is an empty page of another origin. */
let isReady = false
let isOpen = false
/** Whether the opening was the visitor's own doing. */
let takesFocus = false
let unread = 0

const tell = (type: string, fields: object = {}): void => {
  if (isReady) panel?.contentWindow?.postMessage({ confab: 1, type, ...fields }, host)
}

interface Answer {
  readonly status: number
  readonly value: { readonly title?: string } | null
}

const askSession = async (): Promise<Answer> => {
  const resumeSecret = storage.get()
  const response = await fetch(`${host}/v1/chat/${encodeURIComponent(accountId)}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    credentials: 'omit',
    body: JSON.stringify(resumeSecret === null ? {} : { resumeSecret }),
  })
  const { resumeSecret: secret, ...value } = (await response.json()) as { resumeSecret?: string }
  if (response.ok && secret !== undefined) storage.set(secret)
  return { status: response.status, value }
}

/** A page on no list may not even read that it is refused: so it is when the host answers everyone but it. */
const sessionOrRefusal = async (): Promise<Answer> => {
  try {
    return await askSession()
  } catch {
    const isUp = await fetch(script.src, { method: 'HEAD', cache: 'no-store', credentials: 'omit' }).then(
      ({ ok }) => ok,
      () => false,
    )
    // The panel is told that nothing came, and asks again.
    if (!isUp) return { status: 0, value: null }
    // Once more: the host may have come back between the two.
    return askSession().catch(() => ({ status: 403, value: null }))
  }
}

/** Asked from here and not from the panel: only so does the browser tell the server which page it is. The secret never leaves this page. */
const renew = async (): Promise<void> => {
  const answer = await sessionOrRefusal()
  const isRefused = answer.status >= 400 && answer.status < 500 && answer.status !== 429
  const why = answer.value?.title ?? 'is it among the origins of the account?'
  // oxlint-disable-next-line no-console -- for whoever runs this page: its visitors cannot mend it, and see no reason
  if (isRefused) console.warn(`confab: no chat for account "${accountId}" on ${location.origin}: ${why}`)
  tell('session', answer)
}

const loadPanel = (): void => {
  if (panel !== undefined) return
  panel = document.createElement('iframe')
  panel.title = 'Chat'
  panel.allow = 'clipboard-write'
  panel.hidden = !isOpen
  panel.src = `${host}/chat/panel.html`
  frame.append(panel)
}

const announce = (name: string, data?: unknown): void => {
  for (const listener of listeners.get(name) ?? []) listener(data)
}

const label = (): void => {
  button.setAttribute('aria-expanded', String(isOpen))
  button.setAttribute('aria-label', isOpen ? 'Close the chat' : unread > 0 ? `Open the chat, ${unread} new` : 'Open the chat')
}

/** A page that opens the chat by itself does not take the focus from what its visitor does. */
const isWished = (): boolean => navigator.userActivation?.isActive ?? true

const show = (isShown: boolean): void => {
  if (isOpen === isShown) return
  isOpen = isShown
  loadPanel()
  const hadFocus = panel !== undefined && (panel.getRootNode() as ShadowRoot).activeElement === panel
  if (panel !== undefined) panel.hidden = !isOpen
  frame.classList.toggle('open', isOpen)
  label()
  takesFocus = isOpen && isWished()
  if (takesFocus) panel?.focus()
  else if (hadFocus) button.focus()
  tell(isOpen ? 'opened' : 'closed', { takesFocus })
  announce(isOpen ? 'open' : 'close')
}

const count = (now: number): void => {
  if (now === unread) return
  speaker.textContent = now > unread ? `${now} new in the chat` : ''
  unread = now
  badge.textContent = now === 0 ? '' : String(Math.min(now, 99))
  label()
  announce('unread', now)
}

const commands: Readonly<Record<string, (...values: unknown[]) => void>> = {
  open: () => show(true),
  close: () => show(false),
  reset: () => {
    storage.set(null)
    tell('reset')
    count(0)
  },
  on: (name, listener) => {
    const known = listeners.get(String(name)) ?? new Set()
    listeners.set(String(name), known.add(listener as Listener))
  },
}

const receive = (message: PanelMessage): void => {
  switch (message.type) {
    case 'ready':
      isReady = true
      return tell('start', { isOpen, takesFocus })
    case 'renew':
      return void renew()
    case 'unread':
      return count(message.count ?? 0)
    case 'close':
      return show(false)
    case 'look':
      if (message.color !== undefined) frame.style.setProperty('--color', message.color)
      if (message.onColor !== undefined) frame.style.setProperty('--on-color', message.onColor)
      frame.classList.toggle('left', message.side === 'left')
      return void frame.classList.toggle('right', message.side !== 'left')
    case 'event':
      return announce(message.name ?? '', message.data)
  }
}

const mount = (): void => {
  const root = document.createElement('div')
  const shadow = root.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(styles)
  shadow.adoptedStyleSheets = [sheet]
  badge.className = 'badge'
  badge.setAttribute('aria-hidden', 'true')
  button.type = 'button'
  speaker.className = 'status'
  speaker.setAttribute('role', 'status')
  label()
  button.append(
    icon(
      'chat',
      'M5.500 4h13A2.500 2.500 0 0 1 21 6.500v8a2.500 2.500 0 0 1-2.500 2.500H12l-4.700 3.700a.5.5 0 0 1-.8-.4V17h-1A2.500 2.500 0 0 1 3 14.500v-8A2.500 2.500 0 0 1 5.500 4zM8 9h8M8 12.500h5',
    ),
    icon('close', 'm6 9.500 6 6 6-6'),
    badge,
  )
  button.addEventListener('click', () => show(!isOpen))
  frame.append(button, speaker)
  shadow.append(frame)
  document.body.append(root)
  // Who has a thread is told of an answer before opening anything.
  if (storage.get() !== null) loadPanel()
}

addEventListener('message', (event: MessageEvent<unknown>) => {
  // The frame and its origin both: neither alone proves who speaks.
  if (event.origin !== host || panel === undefined || event.source !== panel.contentWindow) return
  const message = event.data as PanelMessage | null
  if (message?.confab === 1) receive(message)
})

const page = window as unknown as { confab?: ConfabFunction }
const waiting = page.confab?.q ?? []
page.confab = (name, ...values) => commands[name]?.(...values)

const begin = (): void => {
  mount()
  for (const [name, ...values] of waiting) commands[name]?.(...values)
}
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin)
else begin()
