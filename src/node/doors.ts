// The doors of a node: views, gateway, HTTP, which know one another.
// Between the core, which decides, and whoever asks from outside.

import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { asyncApi } from '#schemas'
import { channelOf } from '#channels'
import { ConfabError } from '#errors'
import type { openUploads } from '#effects'
import { openGateway, openRedisBoard, type Gateway, type GatewayOptions } from '#gateway'
import { openHttp, type Http, type HttpOptions } from '#http'
import { partitionOf } from '#log'
import {
  accountOf,
  commandsOf,
  contactIdOf,
  conversationIdOf,
  openDeadLetters,
  openSettingWishes,
  openWishes,
  recordOf,
  type Passed,
} from '#runtime'
import { hashPassword, hashToken } from '#secrets'
import { openViews, type Views } from '#views'
import type { openFileLinks } from '../file-links.ts'
import { openReadiness } from '../readiness.ts'
import { openTelemetry } from '../telemetry.ts'
import { watchViewLag } from '../view-lag.ts'
import { openAddresses } from './addresses.ts'
import type { Core } from './core.ts'
import { openTelemetryLog } from './log.ts'
import type { NodeTools } from './tools.ts'

const WEB_DIRECTORY = join(import.meta.dirname, '..', '..', 'dist')

/** A part that this node's duties do without: whoever asks it all the same has a fault of ours before them. */
const absent = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, key) => {
      // Promises and printers ask everything for these.
      if (key === 'then' || typeof key === 'symbol') return undefined
      throw new ConfabError('internal', { detail: `This node has no ${name}: its duties do without.` })
    },
  })

/** Views where the node answers questions or drops what is erased; a node that only takes webhooks in or decides folds none. */
export const openNodeViews = async (
  core: Core,
  { logger, metrics, stack, links }: NodeTools & Pick<DoorTools, 'links'>,
): Promise<Views> => {
  const { config, log, settings, clock } = core
  if (!config.duties.has('gateway') && !config.duties.has('sender')) return absent<Views>('views')
  const views = await openViews({
    log,
    directory: join(config.dataDirectory, 'views'),
    clock,
    logger,
    fileUrl: (organizationId, fileId) => links.pathOf(organizationId, fileId),
    publicNameOf: ({ kind, id }) => (kind === 'agent' && id !== null ? settings.agent(id)?.name : undefined),
  })
  stack.add(() => views.close())
  stack.add(watchViewLag({ log, views, metrics, clock }))
  return views
}

interface DoorTools extends NodeTools {
  readonly views: Views
  readonly uploads: ReturnType<typeof openUploads>
  readonly links: ReturnType<typeof openFileLinks>
  readonly onWebhookRefused: () => void
}

const neverOpened = (name: string): never => {
  throw new ConfabError('internal', { detail: `${name} is not open yet.` })
}

/** What principals may ask for, over HTTP and sockets alike. */
const openWishDoors = (core: Core, doors: Pick<DoorTools, 'views' | 'uploads'> & { readonly positions: Passed }) => ({
  wishes: openWishes({ ...core, ...doors }),
  settingWishes: openSettingWishes({ ...core, ...doors, channels: { channelOf }, hashPassword, hashToken }),
})

/** Without Redis each node knows its own sessions only. */
const boardOf = ({ config, log }: Core, { logger }: NodeTools): Pick<GatewayOptions, 'openBoard'> =>
  config.redisUrl === ''
    ? {}
    : {
        openBoard: openRedisBoard({
          url: config.redisUrl,
          site: log.id,
          node: randomUUID(),
          now: () => performance.now(),
          onState: (isUp, error) => {
            if (isUp) logger.info({ name: 'presence.up' })
            else logger.warn({ name: 'presence.unknown', err: error })
          },
        }),
      }

type GatewayAsks = Pick<GatewayOptions, 'authenticate' | 'execute'>

const openNodeGateway = (core: Core, tools: NodeTools & Pick<DoorTools, 'views' | 'links'> & GatewayAsks): Promise<Gateway> => {
  const { config, log, tails, settings, secrets, clock } = core
  const { views, links, logger, metrics, authenticate, execute } = tools
  return openGateway({
    log,
    tails,
    settings,
    views,
    secrets,
    authenticate,
    execute,
    partitionOf,
    // Alone there is no other node to move to: clients come back when this one does.
    ...(config.kafkaBrokers.length === 0 ? { config: { drainMs: 0 } } : {}),
    ...boardOf(core, tools),
    addressOf: openAddresses(config.trustedProxies),
    publicUrl: () => config.publicUrl,
    fileUrl: (organizationId, fileId) => links.pathOf(organizationId, fileId),
    clock,
    random: Math.random,
    logger,
    metrics,
  })
}

const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

const openNodeTelemetry = ({ config, log }: Core, { metrics, stack }: NodeTools): NonNullable<HttpOptions['onAnswered']> => {
  const target = openTelemetryLog(config, log)
  stack.add(() => target.close())
  const telemetry = openTelemetry({
    log: target,
    node: config.publicUrl,
    after,
    onDropped: (records) => metrics.telemetryDropped.inc(records),
  })
  stack.add(() => telemetry.close())
  return (request) => telemetry.note(request)
}

/** Gateway, wishes and HTTP, which know one another: the gateway carries out commands, HTTP authenticates for it. */
export const openDoors = async (core: Core, tools: DoorTools): Promise<Http> => {
  const { logger, metrics, stack, views, uploads, links, onWebhookRefused } = tools
  const { config, log, settings, owners } = core
  // Each knows the other by a function called long after both are open.
  const opened: { http?: Http; gateway?: Gateway } = {}
  const gatewayOf = (): Gateway => opened.gateway ?? neverOpened('the gateway')
  const httpOf = (): Http => opened.http ?? neverOpened('HTTP')
  const { wishes, settingWishes } = openWishDoors(core, {
    views,
    uploads,
    positions: { passed: (answer) => gatewayOf().positions.passed(answer) },
  })
  const gateway = config.duties.has('gateway')
    ? await openNodeGateway(core, {
        ...tools,
        authenticate: (token) => httpOf().authenticate(token),
        execute: wishes.executeFrame.bind(wishes),
      })
    : undefined
  if (gateway !== undefined) opened.gateway = gateway
  const http = await openHttp({
    ...core,
    views,
    channels: { channelOf },
    files: uploads,
    links,
    positions: gateway?.positions ?? absent('gateway'),
    intake: { commandsOf, accountOf, recordOf, partitionOf, conversationIdOf, contactIdOf },
    wishes,
    settingWishes,
    deadLetters: openDeadLetters({ ...core, organizations: () => settings.organizations() }),
    random: randomBytes,
    logger,
    metrics,
    readiness: openReadiness({
      log,
      tails: core.tails,
      parts: () => ({
        ...(owners === null ? {} : { owners: owners.isReady() }),
        ...(gateway === undefined ? {} : { views: views.isReady(), gateway: gateway.isReady() }),
      }),
    }),
    onWebhookRefused,
    staleMs: () => core.tails.staleMs(),
    ...(config.telemetry === 'off' ? {} : { onAnswered: openNodeTelemetry(core, tools) }),
    publicUrl: () => config.publicUrl,
    webDirectory: WEB_DIRECTORY,
    typing: (grants, said) => gatewayOf().typing(grants, said),
    live: {
      handleRequest: (request, response) => gatewayOf().handleRequest(request, response),
      stream: (asked) => gatewayOf().stream(asked),
    },
    asyncApi,
  })
  opened.http = http
  // Sockets first: a server is closed only when its last connection is.
  stack.add(() => http.close())
  if (gateway !== undefined) {
    stack.add(() => gateway.close())
    http.server.on('upgrade', (request, socket, head) => gateway.handleUpgrade(request, socket, head))
  }
  return http
}
