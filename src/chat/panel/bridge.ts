// Talk with the page around the panel: who it is, the resume secret it keeps, open and close.
// Between the iframe and the loader; only the window above, and after `start` only its origin, is heard.

export interface Start {
  readonly accountId: string
  readonly secret: string | null
  readonly isOpen: boolean
  readonly page: string
  /** Of the page, as the browser says it; no page can claim another's. */
  readonly origin: string
}

export interface BridgeHandlers {
  readonly onStart: (start: Start) => void
  readonly onOpened: () => void
  readonly onClosed: () => void
  readonly onReset: () => void
}

export interface Bridge {
  send(type: 'secret' | 'unread' | 'close' | 'look' | 'event', fields?: object): void
}

interface LoaderMessage {
  readonly confab?: unknown
  readonly type?: unknown
  readonly accountId?: unknown
  readonly secret?: unknown
  readonly isOpen?: unknown
  readonly page?: unknown
}

export const openBridge = (handlers: BridgeHandlers): Bridge => {
  let origin: string | null = null
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.source !== window.parent || (origin !== null && event.origin !== origin)) return
    const message = event.data as LoaderMessage | null
    if (message?.confab !== 1) return
    if (message.type === 'start' && origin === null) {
      origin = event.origin
      const secret = typeof message.secret === 'string' ? message.secret : null
      handlers.onStart({ accountId: String(message.accountId), secret, isOpen: message.isOpen === true, page: String(message.page), origin })
    } else if (message.type === 'opened') handlers.onOpened()
    else if (message.type === 'closed') handlers.onClosed()
    else if (message.type === 'reset') handlers.onReset()
  })
  // Says nothing but that someone listens; the answer tells to whom the rest may be said.
  window.parent.postMessage({ confab: 1, type: 'ready' }, '*')
  return {
    send: (type, fields = {}) => {
      if (origin !== null) window.parent.postMessage({ confab: 1, type, ...fields }, origin)
    },
  }
}
