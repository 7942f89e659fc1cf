// The TypeScript client: for browsers, workers, bots and tests; no framework, nothing beyond the platform.
// Between a server's socket and API and whoever shows or answers what comes.

export { connect } from './connection.ts'
export { platform } from './line.ts'
export type {
  AppliedFrame,
  Client,
  ConnectOptions,
  LineStatus,
  Platform,
  Result,
  ResumePoint,
  SocketLike,
  SubscribeOptions,
  SubscriptionWish,
  TokenAnswer,
} from './line.ts'
export type { CommandStorage } from './keeping.ts'
export { foldAwareness, openAwareness } from './awareness.ts'
export type { Awareness, AwarenessState, Viewer, ViewerState } from './awareness.ts'
export { emptyState, foldFrame, openStore } from './store.ts'
export type { ClientState, Mark, Store } from './store.ts'
export { openApi } from './http.ts'
export type { Answer, Api, ApiOptions, RequestOptions } from './http.ts'
export { foldContact, foldConversation, foldMessage, messageIdOf, sendStateOf } from '#views/folds'
