// The doors of a node: views, gateway, HTTP, which know one another.
// Between the core, which decides, and whoever asks from outside.

import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { asyncApi } from '#schemas'
import { channelOf } from '#channels'
import { ConfabError } from '#errors'
import { apiUrlsOf, credentialsOf, openAccountHealth, openOutgoing, trustedOrigins, type AccountHealth, type openUploads } from '#effects'
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
import type { openFileLinks } from '../file-links.ts'
import { openReadiness } from '../readiness.ts'
import { openTelemetry } from '../telemetry.ts'
import { openAddresses } from './addresses.ts'
import type { Core } from './core.ts'
import { openTelemetryLog } from './log.ts'
import { absent, after, type NodeTools } from './tools.ts'
import type { NodeViews } from './views.ts'

const WEB_DIRECTORY = join(import.meta.dirname, '..', '..', 'dist')

interface DoorTools extends NodeTools, Omit<NodeViews, 'leave'> {
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
    config: { handshakesPerSecondMax: config.handshakesPerSecond, ...(config.kafkaBrokers.length === 0 ? { drainMs: 0 } : {}) },
    ...boardOf(core, tools),
    isAlone: config.kafkaBrokers.length === 0,
    addressOf: openAddresses(config.trustedProxies),
    publicUrl: () => config.publicUrl,
    fileUrl: (organizationId, fileId) => links.pathOf(organizationId, fileId),
    clock,
    random: Math.random,
    logger,
    metrics,
  })
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

const openNodeReadiness = ({ log, tails, owners }: Core, { views, gateway }: Pick<DoorTools, 'views'> & { gateway: Gateway | undefined }) =>
  openReadiness({
    log,
    tails,
    parts: () => ({
      ...(owners === null ? {} : { owners: owners.isReady() }),
      ...(gateway === undefined ? {} : { views: views.isReady(), gateway: gateway.isReady() }),
    }),
  })

/** Asks providers by a guard of its own: a node without the duty to send has this door all the same. */
const openNodeAccountHealth = ({ config, settings, secrets }: Core, { stack }: NodeTools): AccountHealth => {
  const outgoing = openOutgoing({ allow: config.egressAllow, trustedOrigins: trustedOrigins(config), proxyUrl: config.egressProxy })
  stack.add(() => outgoing.close())
  return openAccountHealth({
    settings,
    credentialsOf: credentialsOf(secrets),
    apiUrlOf: apiUrlsOf(config),
    outgoing,
    publicUrl: () => config.publicUrl,
  })
}

/** Gateway, wishes and HTTP, which know one another: the gateway carries out commands, HTTP authenticates for it. */
export const openDoors = async (core: Core, tools: DoorTools): Promise<Http> => {
  const { logger, metrics, stack, views, uploads, links, onWebhookRefused } = tools
  const { config, settings } = core
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
    accountHealth: openNodeAccountHealth(core, tools),
    deadLetters: openDeadLetters({ ...core, organizations: () => settings.organizations() }),
    random: randomBytes,
    logger,
    metrics,
    readiness: openNodeReadiness(core, { views, gateway }),
    onWebhookRefused,
    nodeDoor: tools.nodeDoor,
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
