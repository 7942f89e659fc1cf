// The core of a node: log, settings, command door, owners. What decides, and what asks it to.
// Between the composition root and everything that stands on the log.

import { randomBytes } from 'node:crypto'
import type { Config } from '#config'
import { hasCode } from '#errors'
import { openTails, type Log } from '#log'
import { openRegistry } from '#registry'
import { PARTITIONS } from '#topics'
import { limitCommands, openCommands, openOwners, openSettings, type Owners, type OwnersOptions } from '#runtime'
import { loadSecret, openSecrets } from '#secrets'
import { openLog } from './log.ts'
import type { NodeTools } from './tools.ts'

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

const foreignOf = (config: Config) =>
  config.schemaRegistryUrl === ''
    ? {}
    : { foreign: { url: config.schemaRegistryUrl, user: config.schemaRegistryUser, passwordFile: config.schemaRegistryPasswordFile } }

/** Whether nobody has written settings, which are sealed under the site's secret: only then may a node draw one. */
const isNew = async (log: Log): Promise<boolean> => {
  const bounds = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => log.bounds('config', partition)))
  return bounds.every(({ end }) => end === 0)
}

export const openCore = async (config: Config, tools: NodeTools) => {
  const { logger, metrics, stack } = tools
  const clock = Date.now
  const drawKey = (): string => randomBytes(16).toString('hex')
  const onError = (error: unknown): void => {
    logger.error({ name: 'node.failed', err: error })
    // A tail that has lost its place hears of nothing more: a supervisor starts the process anew, which reads the log afresh.
    if (hasCode(error, 'tail_lost')) process.exit(1)
  }
  const log = await openLog(config, tools)
  stack.add(() => log.close())
  const secrets = openSecrets(loadSecret(config.secretFile, { mayMake: await isNew(log) }))
  const tails = openTails({
    log,
    onOutage: (error, tail) => logger.error({ name: 'tail.failed', tail, err: error }),
    onRestart: (tail) => metrics.tailRestarts.inc({ tail }),
  })
  const registry = await openRegistry(log, clock, { tails, onError, ...foreignOf(config) })
  stack.add(() => registry.close())
  const settings = await openSettings({ log, tails, openIdKey: ({ sealedIdKey, id }) => secrets.open('id-key', sealedIdKey, id), onError })
  stack.add(() => settings.close())
  // The wrong secret is a matter of the start, not of the first message.
  for (const { id } of settings.organizations()) settings.idKey(id)
  const door = await openCommands({ log, tails, settings, clock, drawKey, onError })
  stack.add(() => door.close())
  const commands = limitCommands(door, { perSecond: config.commandsPerSecond, clock })
  const owners = config.duties.has('actors') ? await openDeciders({ log, settings, logger, metrics }) : null
  stack.add(() => owners?.close())
  return { config, clock, drawKey, secrets, log, tails, registry, onError, settings, commands, owners }
}
export type Core = Awaited<ReturnType<typeof openCore>>

type DeciderTools = Pick<OwnersOptions, 'log' | 'settings'> & Pick<NodeTools, 'logger' | 'metrics'>

const openDeciders = ({ log, settings, logger, metrics }: DeciderTools): Promise<Owners> =>
  openOwners({
    log,
    settings,
    clock: Date.now,
    now: () => performance.now(),
    random: Math.random,
    pause,
    onDecided: (_commands, milliseconds) => metrics.decideSeconds.observe(milliseconds / 1000),
    onParked: ({ error, ...facts }) => logger.error({ name: 'actor.parked', ...facts, err: error }),
    onTrouble: (error, { owner, partition }) => logger.warn({ name: 'owner.trouble', owner, partition, err: error }),
  })
