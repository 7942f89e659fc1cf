// Who is there and who looks at what: volatile, folded from ephemeral frames; what is not known is said to be, never taken for nobody.
// Between a line and whoever shows faces; it says again by itself that someone looks at a conversation, until they leave.

import type { Client, AppliedFrame, Platform } from './line.ts'
import { platform as thisPlatform } from './line.ts'
import { Listeners } from './listeners.ts'

export type ViewerState = 'viewing' | 'replying'

export interface Viewer {
  readonly agentId: string
  readonly state: ViewerState
}

/** Replaced, never changed. */
export interface AwarenessState {
  /** False: who is not named is unknown, and not absent. */
  readonly isKnown: boolean
  /** Agents that are there: `online`, `away`. */
  readonly agents: ReadonlyMap<string, string>
  /** Conversation → who looks at it, oneself included. */
  readonly viewers: ReadonlyMap<string, readonly Viewer[]>
}

export interface Awareness {
  getState(): AwarenessState
  /** Answers the unsubscribe function. */
  subscribe(listener: () => void): () => void
  /** One looks at the conversation, or writes in it; null = no longer. Repeated by itself, also on the next socket. */
  view(conversationId: string, state: ViewerState | null): void
  close(): void
}

/** A third of the server's lease. */
const REPEAT_MS = 5_000
/** As many as a person has open. */
const VIEWED_MAX = 20

const nothing: AwarenessState = { isKnown: false, agents: new Map(), viewers: new Map() }

type EphemeralFrame = Extract<AppliedFrame, { frame: 'ephemeral' }>

/** The state after a frame. Pure. */
export const foldAwareness = (state: AwarenessState, frame: EphemeralFrame): AwarenessState => {
  switch (frame.kind) {
    case 'awareness':
      return {
        isKnown: frame.isKnown === true,
        agents: new Map((frame.agents ?? []).map(({ agentId, state: each }) => [agentId, each])),
        viewers: new Map((frame.viewing ?? []).map(({ conversationId, viewers }) => [conversationId, viewers as readonly Viewer[]])),
      }
    case 'presence': {
      if (frame.agentId === undefined) return state
      const agents = new Map(state.agents)
      if (frame.state === undefined || frame.state === 'offline') agents.delete(frame.agentId)
      else agents.set(frame.agentId, frame.state)
      return { ...state, agents }
    }
    case 'viewers': {
      if (frame.conversationId === undefined) return state
      const viewers = new Map(state.viewers)
      if ((frame.viewers ?? []).length === 0) viewers.delete(frame.conversationId)
      else viewers.set(frame.conversationId, (frame.viewers ?? []) as readonly Viewer[])
      return { ...state, viewers }
    }
    default:
      return state
  }
}

/** Follows the client's frames until `close`. */
export const openAwareness = (
  client: Pick<Client, 'onFrame' | 'onStatus' | 'presence'>,
  platform: Pick<Platform, 'later'> = thisPlatform,
): Awareness => {
  let state = nothing
  const viewed = new Map<string, ViewerState>()
  const listeners = new Listeners<void>(undefined)
  let undoRepeat: () => void = () => undefined
  const become = (next: AwarenessState): void => {
    if (next === state) return
    state = next
    listeners.tell()
  }
  const sayAll = (): void => {
    undoRepeat()
    for (const [conversationId, each] of viewed) client.presence(each, conversationId)
    undoRepeat = viewed.size === 0 ? () => undefined : platform.later(sayAll, REPEAT_MS)
  }
  const undoFrames = client.onFrame((frame) => {
    if (frame.frame === 'ephemeral') become(foldAwareness(state, frame))
    else if (frame.frame === 'welcome') sayAll()
  })
  const undoStatus = client.onStatus(({ state: line }) => {
    // Without a line nobody is known: what was, may be over.
    if (line === 'reconnecting' || line === 'offline' || line === 'ended') become(nothing)
  })
  return {
    getState: () => state,
    subscribe: (listener) => listeners.add(listener),
    view(conversationId, wanted) {
      if (wanted === null) {
        if (viewed.delete(conversationId)) client.presence('gone', conversationId)
        return
      }
      if (viewed.get(conversationId) === wanted || (viewed.size >= VIEWED_MAX && !viewed.has(conversationId))) return
      viewed.set(conversationId, wanted)
      sayAll()
    },
    close() {
      for (const conversationId of viewed.keys()) client.presence('gone', conversationId)
      viewed.clear()
      undoRepeat()
      undoFrames()
      undoStatus()
    },
  }
}
