// What the HTTP door is given: ports of the parts behind it, as narrow as it uses them.
// Between the composition root, which has the instances, and the routes.

import type { Logger } from 'pino'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Grants } from '#schemas'
import type { Account, Attachment, Command, RequestLog } from '#schemas/log'
import type { ChannelAdapter, ParsedEvent } from '#channels'
import type { NodeDoor } from '#cluster'
import type { Config } from '#config'
import type { AccountHealth } from '#effects'
import type { Log, LogRecord } from '#log'
import type { Metrics } from '#metrics'
import type { Registry } from '#registry'
import type { DeadLetters, Settings, SettingWishes, Wishes } from '#runtime'
import type { Secrets } from '#secrets'
import type { AsOf, Views } from '#views'
import type { Authenticated } from './authentication.ts'

/** How parsed webhooks become records: the pure functions of runtime and log. */
export interface Intake {
  readonly commandsOf: (
    events: readonly ParsedEvent[],
    context: { organizationId: string; idKey: Uint8Array; account: Account; receivedAt: number },
  ) => readonly Command[]
  readonly accountOf: (event: ParsedEvent, accounts: readonly Account[]) => Account | undefined
  readonly recordOf: (command: Command) => {
    readonly entry: { readonly topic: 'commands' | 'contact-commands'; readonly partition: number }
    readonly record: LogRecord
  }
  readonly partitionOf: (key: string) => number
  readonly conversationIdOf: (
    idKey: Uint8Array,
    accountId: string,
    place: { readonly userId: string; readonly threadId: string | null },
  ) => string
  readonly contactIdOf: (idKey: Uint8Array, accountId: string, userId: string) => string
}

/** Sealed places in the log, by the gateway. */
export interface Positions {
  /** The vector of a read. */
  seal(asOf: AsOf, grants: Grants): string
  /** What `Confab-Min-Position` names. Throws `position_invalid`. */
  open(text: string, grants: Grants): AsOf
}

/** A stored file as it may be served. */
export interface StoredFile {
  readonly fileId: string
  readonly contentType: string
  readonly name: string | null
  readonly sizeBytes: number
}

/** Where attachments' bytes lie. */
export interface Files {
  /** Streams the bytes in; throws `file_too_large` beyond `bytesMax`, `file_empty`. The type is sniffed, not believed. */
  store(file: {
    organizationId: string
    ownerId: string
    bytes: AsyncIterable<Uint8Array>
    name: string | null
    contentType: string
    bytesMax: number
  }): Promise<Attachment & { fileId: string }>
  /** null where the organization has no such file. */
  open(organizationId: string, fileId: string): Promise<{ readonly file: StoredFile; readonly bytes: Readable } | null>
}

/** Signed links to files, valid for some minutes. */
export interface Links {
  /** Path and query, without origin. */
  pathOf(organizationId: string, fileId: string): string
  isValid(link: { readonly organizationId: string; readonly fileId: string; readonly expires: number; readonly signature: string }): boolean
}

/** What the gateway does with requests that do not end at once. */
export interface Live {
  /** Socket.IO's polling: the body unread, the answer its own. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void
  /** Server-sent events. Throws, with nothing answered yet, what refuses them. */
  stream(asked: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly headers: OutgoingHttpHeaders
    readonly who: Authenticated
    readonly scope: string
    readonly types?: readonly string[] | undefined
    readonly from?: string | undefined
  }): void
}

export interface Readiness {
  readonly isReady: boolean
  /** What is and what is not: log, owners, views, tails. */
  readonly checks: Readonly<Record<string, boolean>>
  /** What is not, each in a sentence. */
  readonly reasons: readonly string[]
}

export interface HttpOptions {
  readonly config: Pick<
    Config,
    'host' | 'port' | 'publicUrl' | 'duties' | 'ingestBytesMax' | 'attachmentBytesMax' | 'metricsToken' | 'trustedProxies' | 'schemasAccess'
  >
  readonly log: Pick<Log, 'append'>
  readonly settings: Settings
  readonly views: Views
  readonly secrets: Secrets
  readonly channels: { readonly channelOf: (name: string) => ChannelAdapter | undefined }
  readonly files: Files
  readonly links: Links
  readonly positions: Positions
  readonly intake: Intake
  readonly wishes: Pick<Wishes, 'execute'>
  readonly settingWishes: SettingWishes
  readonly accountHealth: AccountHealth
  readonly deadLetters: DeadLetters
  readonly registry: Pick<Registry, 'subjects' | 'versions' | 'withId'>
  readonly clock: () => number
  readonly random: (bytes: number) => Buffer
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info' | 'debug'>
  readonly metrics: Metrics
  readonly readiness: () => Readiness | Promise<Readiness>
  /** How long the log has not been readable, in milliseconds; null = it is. */
  readonly staleMs: () => number | null
  /** Told of each answered request of the API; must not wait. */
  readonly onAnswered?: (request: Omit<RequestLog, 'node'>) => void
  /** A signed webhook was refused for reasons of ours and may not come again. */
  readonly onWebhookRefused?: () => void
  /** How the outside reaches this server, without a slash at the end; known once it listens. */
  readonly publicUrl: () => string
  /** Directory of the built web apps (`inbox`, `chat`). */
  readonly webDirectory: string
  /** Someone types, for the sockets that may know; never in the log. */
  readonly typing: (
    grants: Grants,
    typing: { readonly conversationId: string; readonly isTyping: boolean; readonly isNote: boolean },
  ) => void
  /** Doors of the gateway that are reached by requests. */
  readonly live: Live
  /** Where other nodes ask, when this node has some. */
  readonly nodeDoor?: NodeDoor | undefined
  /** The document of the socket, served at /asyncapi.json. */
  readonly asyncApi: () => unknown
}
