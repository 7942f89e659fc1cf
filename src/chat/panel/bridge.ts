// Talk with the page around the panel: sessions, which it asks for, open and close.
// Between the iframe and the loader; only the window above, and after `start` only its origin, is heard.

export interface BridgeHandlers {
  readonly onStart: (isOpen: boolean) => void
  /** `takesFocus`: the visitor opened it themselves. */
  readonly onOpened: (takesFocus: boolean) => void
  readonly onClosed: () => void
  readonly onReset: () => void
}

/** What the server answered the page; status 0 where nothing came. */
export interface PageAnswer {
  readonly status: number
  readonly value: unknown
}

export interface Bridge {
  send(type: 'unread' | 'close' | 'look' | 'event', fields?: object): void
  /** Has the page ask for a session. */
  renew(): Promise<PageAnswer>
}

interface LoaderMessage extends Partial<PageAnswer> {
  readonly confab?: unknown
  readonly type?: unknown
  readonly isOpen?: unknown
  readonly takesFocus?: unknown
}

export const openBridge = (handlers: BridgeHandlers): Bridge => {
  let origin: string | null = null
  let waiting: ((answer: PageAnswer) => void)[] = []
  const post = (target: string, type: string, fields: object = {}): void =>
    window.parent.postMessage({ confab: 1, type, ...fields }, target)
  const receive = ({ type, isOpen, takesFocus, status, value }: LoaderMessage): void => {
    if (type === 'opened') handlers.onOpened(takesFocus === true)
    else if (type === 'closed') handlers.onClosed()
    else if (type === 'reset') handlers.onReset()
    else if (type === 'start') {
      handlers.onStart(isOpen === true)
      // The opening came before anyone listened.
      if (isOpen === true && takesFocus === true) handlers.onOpened(true)
    } else if (type === 'session') {
      const answered = waiting
      waiting = []
      for (const settle of answered) settle({ status: status ?? 0, value })
    }
  }
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.source !== window.parent || (origin !== null && event.origin !== origin)) return
    const message = event.data as LoaderMessage | null
    if (message?.confab !== 1 || (origin === null) !== (message.type === 'start')) return
    origin ??= event.origin
    receive(message)
  })
  // Says nothing but that someone listens; the answer tells to whom the rest may be said.
  post('*', 'ready')
  return {
    send: (type, fields) => {
      if (origin !== null) post(origin, type, fields)
    },
    renew: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        if (origin !== null) post(origin, 'renew')
      }),
  }
}
