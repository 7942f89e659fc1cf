// Who is signed in: the door for nobody, the inbox for an agent.
// Between the browser's session and the panes.

import { useCallback, useEffect, useMemo, useState, type ReactElement } from 'react'
import type { Problem } from '#schemas'
import { commandsKey, openInbox } from './live/open-inbox.ts'
import { openLine } from './live/open-line.ts'
import { openSession, type Session } from './live/session.ts'
import { Shell } from './shell/shell.tsx'
import { SignIn, Waiting } from './sign-in.tsx'
import { InboxContext } from './state/hooks.ts'
import type { Inbox } from './state/inbox.ts'
import type { Me } from './state/model.ts'
import { linkCodeOf } from './state/route.ts'
import { drawId } from './words/ids.ts'

type Stage =
  | { readonly name: 'waiting' }
  | { readonly name: 'out'; readonly problem: Problem | null }
  | { readonly name: 'in'; readonly inbox: Inbox }

const socketUrl = (): string => `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/v1/socket`

/** Where storage is forbidden, even asking for it throws. */
const keeperOf = (): Storage | null => {
  try {
    return window.localStorage
  } catch {
    return null
  }
}

const inboxOf = (session: Session, me: Me): Inbox => {
  const keeper = keeperOf()
  const line = { url: socketUrl(), token: () => session.socketToken(), keeper, storageKey: commandsKey(me.id) }
  return openInbox({
    me,
    api: session.api,
    openLine: (handlers) => openLine(line, handlers),
    clock: () => Date.now(),
    newId: drawId,
    keeper,
    onSignOut: async () => {
      await session.signOut()
      window.location.assign('/inbox/')
    },
  })
}

/** A one-time code is used once: it leaves the address bar before anything else happens. */
const takeLinkCode = (): string | null => {
  const code = linkCodeOf(window.location.hash)
  if (code !== null) window.history.replaceState(null, '', window.location.pathname + window.location.search)
  return code
}

const enter = async (session: Session, linkProblem: Problem | null): Promise<Stage> => {
  const me = await session.me()
  if (me.problem === undefined) return { name: 'in', inbox: inboxOf(session, me.ok) }
  return { name: 'out', problem: linkProblem ?? (me.problem.status === 401 ? null : me.problem) }
}

// Begun once a page, however often React mounts the app: a second try with the same code would be refused.
const session = openSession()
const begun = (async (): Promise<Stage> => {
  const code = takeLinkCode()
  return enter(session, code === null ? null : await session.signIn({ code }))
})()

export const App = (): ReactElement => {
  const [stage, setStage] = useState<Stage>({ name: 'waiting' })

  useEffect(() => {
    begun.then(setStage, () => setStage({ name: 'out', problem: null }))
  }, [])

  const signIn = useCallback(async (email: string, password: string): Promise<Problem | null> => {
    const problem = await session.signIn({ email, password })
    if (problem === null) setStage(await enter(session, null))
    return problem
  }, [])

  const inbox = stage.name === 'in' ? stage.inbox : null
  const content = useMemo(
    () =>
      inbox === null ? null : (
        <InboxContext value={inbox}>
          <Shell />
        </InboxContext>
      ),
    [inbox],
  )
  if (content !== null) return content
  return stage.name === 'out' ? <SignIn onSignIn={signIn} problem={stage.problem} /> : <Waiting text="Opening your inbox…" />
}
