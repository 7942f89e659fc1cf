// The parts of a site that `confab export` and `confab import` work on, without a node: its log, its secret, its files.
// Between the settings and an archive; nobody else may run on the site meanwhile.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig, type Config } from '#config'
import { openFiles, type FileStore } from '#effects'
import { ConfabError } from '#errors'
import type { Log } from '#log'
import { openMetrics } from '#metrics'
import { loadSecret, openSecrets, type Secrets } from '#secrets'
import { PARTITIONS } from '#topics'
import type { ImportOptions, Progress } from '#archive'
import { openDataDirectory } from '../data-directory.ts'
import { openLog } from '../node/log.ts'
import { openLogger } from '../node/tools.ts'

export interface ClosedSite {
  readonly config: Config
  readonly log: Log
  readonly secrets: Secrets
  readonly files: FileStore
  close(): Promise<void>
}

/** Only a site without settings may draw a secret: everything else is sealed under the one it has. */
const isNew = async (log: Log): Promise<boolean> => {
  const bounds = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => log.bounds('config', partition)))
  return bounds.every(({ end }) => end === 0)
}

/** Throws `data_locked` where a server runs on the directory, `data_missing` where there is nothing to read. */
export const openClosedSite = async ({ mayBeNew }: { readonly mayBeNew: boolean }): Promise<ClosedSite> => {
  const config = loadConfig()
  if (!mayBeNew && config.kafkaBrokers.length === 0 && !existsSync(join(config.dataDirectory, 'log', 'log.db')))
    throw new ConfabError('data_missing', { detail: `CONFAB_DATA_DIR is ${config.dataDirectory}.` })
  openDataDirectory(config.dataDirectory)
  const log = await openLog(config, { logger: openLogger('silent'), metrics: openMetrics() })
  try {
    const secrets = openSecrets(loadSecret(config.secretFile, { mayMake: mayBeNew && (await isNew(log)) }))
    return { config, log, secrets, files: await openFiles(join(config.dataDirectory, 'files')), close: () => log.close() }
  } catch (error) {
    await log.close()
    throw error
  }
}

/** The schema registry of the site, where it is another's. */
export const foreignOf = ({ config }: ClosedSite): Pick<ImportOptions, 'foreign'> =>
  config.schemaRegistryUrl === ''
    ? {}
    : { foreign: { url: config.schemaRegistryUrl, user: config.schemaRegistryUser, passwordFile: config.schemaRegistryPasswordFile } }

/** The first line of a file that an option names. Throws `option_invalid`. */
export const lineOf = (option: string, path: string): string => {
  const line = existsSync(path) ? (readFileSync(path, 'utf8').split('\n', 1)[0] ?? '').trim() : ''
  if (line === '') throw new ConfabError('option_invalid', { detail: `${option} ${path}: the file is missing or empty.` })
  return line
}

const INTERVAL_MS = 1_000

/** Tells a person how far it is: each phase, and a line a second at most. */
export const progressPrinter = (now: () => number = () => performance.now()): ((progress: Progress) => void) => {
  let lastAt = Number.NEGATIVE_INFINITY
  let lastPhase = ''
  return ({ phase, what, done, total }) => {
    if (phase === lastPhase && now() - lastAt < INTERVAL_MS) return
    lastAt = now()
    lastPhase = phase
    console.error(`confab: ${phase} ${done}${total > done ? `/${total}` : ''}  ${what}`)
  }
}
