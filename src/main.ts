// The composition root: opens a node in the order of the flow and closes it in reverse.
// Between the settings and the running node; the only place that knows every part.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino, type Logger } from 'pino'
import { asyncApi } from '#schemas'
import { encode, leaseRecord } from '#schemas/log'
import { channelOf } from '#channels'
import type { Config } from '#config'
import { ConfabError } from '#errors'
import { openCarriers, openFiles, openUploads, type Carriers } from '#effects'
import { openGateway, type Gateway } from '#gateway'
import { openHttp, type Http } from '#http'
import { openEmbeddedLog, partitionOf, type EmbeddedLogOptions } from '#log'
import { openMetrics, type Metrics } from '#metrics'
import {
  accountOf,
  commandsOf,
  contactIdOf,
  conversationIdOf,
  openCommands,
  openDeadLetters,
  openOwners,
  openSettings,
  openSettingWishes,
  openWishes,
  recordOf,
  type Passed,
} from '#runtime'
import { hashPassword, hashToken, loadSecret, openSecrets } from '#secrets'
import { openViews } from '#views'
import { hasLog, openDataDirectory } from './data-directory.ts'
import { openFileLinks } from './file-links.ts'
import { adminTokenPath, runFirst } from './first-run.ts'
import { openRegistry } from './registry.ts'
import { watchViewLag } from './view-lag.ts'

export interface Node {
  /** How this machine reaches it. */
  readonly url: string
  /** Path of the one-time sign-in link that the first run made. */
  readonly signInPath: string | null
  readonly tokenPath: string
  /** Lets what was taken on end, then closes; safe to kill at any point. */
  stop(): Promise<void>
}

const WEB_DIRECTORY = join(import.meta.dirname, '..', 'dist')

const openLogger = (level: string): Logger =>
  pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    // Ids only: never texts, tokens, addresses (house rule 26).
    redact: ['*.token', '*.authorization', '*.password', '*.credentials', '*.text', '*.body'],
  })

/** Things to close, newest first. */
const openStack = () => {
  const closers: (() => Promise<void> | void)[] = []
  return {
    add: (close: () => Promise<void> | void): void => void closers.push(close),
    async close(): Promise<void> {
      for (const close of closers.splice(0).toReversed()) await close()
    },
  }
}
type Stack = ReturnType<typeof openStack>

const openLog = (config: Config, logger: Logger, metrics: Metrics) => {
  const options: EmbeddedLogOptions = {
    directory: join(config.dataDirectory, 'log'),
    synchronous: config.synchronous,
    logger,
    node: config.publicUrl,
    encodeOwnership: ({ owner, partition, epoch, node, at }) =>
      encode(leaseRecord, { owner, partition, epoch, node, url: config.publicUrl, at }),
    // Nothing can be acknowledged without the writer: a supervisor starts the process anew, and the log knows where it stood.
    onFailure: (error) => {
      logger.fatal({ name: 'log.failed', err: error })
      process.exit(1)
    },
    onPacket: ({ latencyMs }) => metrics.appendSeconds.observe({ door: 'log' }, latencyMs / 1000),
  }
  return openEmbeddedLog(options)
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

/** Log, settings, command door, owners: what decides. */
const openCore = async (config: Config, tools: { logger: Logger; metrics: Metrics; stack: Stack }) => {
  const { logger, metrics, stack } = tools
  const clock = Date.now
  const drawKey = (): string => randomBytes(16).toString('hex')
  const onError = (error: unknown): void => logger.error({ name: 'node.failed', err: error })
  const secrets = openSecrets(loadSecret(config.secretFile, { mayMake: !hasLog(config.dataDirectory) }))
  const log = await openLog(config, logger, metrics)
  stack.add(() => log.close())
  await openRegistry(log, clock)
  const settings = await openSettings({ log, openIdKey: ({ sealedIdKey, id }) => secrets.open('id-key', sealedIdKey, id), onError })
  stack.add(() => settings.close())
  // The wrong secret is a matter of the start, not of the first message.
  for (const { id } of settings.organizations()) settings.idKey(id)
  const commands = await openCommands({ log, settings, clock, drawKey, onError })
  stack.add(() => commands.close())
  const owners = await openOwners({
    log,
    settings,
    clock,
    now: () => performance.now(),
    random: Math.random,
    pause,
    onDecided: (_commands, milliseconds) => metrics.decideSeconds.observe(milliseconds / 1000),
    onParked: ({ error, ...facts }) => logger.error({ name: 'actor.parked', ...facts, err: error }),
    onTrouble: (error, { owner, partition }) => logger.warn({ name: 'owner.trouble', owner, partition, err: error }),
  })
  stack.add(() => owners.close())
  return { config, clock, drawKey, secrets, log, settings, commands, owners }
}
type Core = Awaited<ReturnType<typeof openCore>>

/** Opens everything; what fails on the way closes what was open. Throws the catalogue's errors. */
export const startNode = async (config: Config): Promise<Node> => {
  const stack = openStack()
  try {
    return await openNode(config, stack)
  } catch (error) {
    await stack.close()
    throw error
  }
}

const openNode = async (config: Config, stack: Stack): Promise<Node> => {
  openDataDirectory(config.dataDirectory)
  const logger = openLogger(config.logLevel)
  const metrics = openMetrics({ ofProcess: true })
  const core = await openCore(config, { logger, metrics, stack })
  const { log, settings, clock, secrets } = core
  const links = openFileLinks(secrets.key('files'), clock)
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
  const uploads = openUploads(await openFiles(join(config.dataDirectory, 'files')), core.drawKey)
  const late: { carriers?: Carriers } = {}
  // What is refused before the carriers are open, their first round reads back.
  const onWebhookRefused = (): void => late.carriers?.webhookRefused()
  const http = await openDoors(core, { logger, metrics, stack, views, uploads, links, onWebhookRefused })
  const { signInPath } = await runFirst({ ...core, dataDirectory: config.dataDirectory })
  const port = await http.listen()
  const carriers = openCarriers({
    ...core,
    views,
    uploads,
    fileUrlOf: (organizationId, fileId) => `${config.publicUrl}${links.pathOf(organizationId, fileId)}`,
    publicUrl: config.publicUrl,
    random: Math.random,
    logger,
    metrics,
  })
  late.carriers = carriers
  stack.add(() => carriers.close())
  logger.info({ name: 'node.ready', port, logId: log.id, organizations: settings.organizations().length })
  return { url: `http://localhost:${port}`, signInPath, tokenPath: adminTokenPath(config.dataDirectory), stop: () => stack.close() }
}

interface DoorTools {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly stack: Stack
  readonly views: Awaited<ReturnType<typeof openViews>>
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

/** Gateway, wishes and HTTP, which know one another: the gateway carries out commands, HTTP authenticates for it. */
const openDoors = async (core: Core, { logger, metrics, stack, views, uploads, links, onWebhookRefused }: DoorTools) => {
  const { config, clock, secrets, log, settings, owners } = core
  // Each knows the other by a function called long after both are open.
  const opened: { http?: Http; gateway?: Gateway } = {}
  const gatewayOf = (): Gateway => opened.gateway ?? neverOpened('the gateway')
  const httpOf = (): Http => opened.http ?? neverOpened('HTTP')
  const { wishes, settingWishes } = openWishDoors(core, {
    views,
    uploads,
    positions: { passed: (answer) => gatewayOf().positions.passed(answer) },
  })
  const gateway = await openGateway({
    log,
    settings,
    views,
    secrets,
    authenticate: (token) => httpOf().authenticate(token),
    execute: (grants, frame) => wishes.executeFrame(grants, frame),
    partitionOf,
    publicUrl: () => config.publicUrl,
    fileUrl: (organizationId, fileId) => links.pathOf(organizationId, fileId),
    clock,
    random: Math.random,
    logger,
    metrics,
  })
  opened.gateway = gateway
  const http = await openHttp({
    config,
    log,
    settings,
    views,
    secrets,
    channels: { channelOf },
    files: uploads,
    links,
    positions: gateway.positions,
    intake: { commandsOf, accountOf, recordOf, partitionOf, conversationIdOf, contactIdOf },
    wishes,
    settingWishes,
    deadLetters: openDeadLetters({ ...core, organizations: () => settings.organizations() }),
    clock,
    random: randomBytes,
    logger,
    metrics,
    readiness: () => {
      const checks = { owners: owners.isReady(), views: views.isReady(), gateway: gateway.isReady() }
      return { isReady: Object.values(checks).every(Boolean), checks }
    },
    onWebhookRefused,
    publicUrl: () => config.publicUrl,
    webDirectory: WEB_DIRECTORY,
    typing: (grants, said) => gateway.typing(grants, said),
    asyncApi,
  })
  opened.http = http
  // Sockets first: a server is closed only when its last connection is.
  stack.add(() => http.close())
  stack.add(() => gateway.close())
  http.server.on('upgrade', (request, socket, head) => gateway.handleUpgrade(request, socket, head))
  return http
}
