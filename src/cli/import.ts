// `confab import`: brings what `confab export` wrote into a site, embedded or on Kafka; a second run changes nothing.
// Between an operator whose nodes stand still and src/archive.

import type { Command } from 'commander'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { importSite, type Erasure, type ImportOptions } from '#archive'
import { ConfabError } from '#errors'
import { loadSecret } from '#secrets'
import { adminTokenPath } from '../first-run.ts'
import { foreignOf, lineOf, openClosedSite, progressPrinter, type ClosedSite } from './site.ts'

interface ImportCommandOptions {
  readonly passphraseFile?: string
  readonly erasures?: string
}

const readErasures = (path: string | undefined): Erasure[] => {
  if (path === undefined) return []
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Erasure)
  } catch (cause) {
    throw new ConfabError('option_invalid', {
      detail: `--erasures ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    })
  }
}

const keyOf =
  ({ config }: ClosedSite, passphraseFile: string | undefined): ImportOptions['keyOf'] =>
  ({ kind }) =>
    kind === 'passphrase' && passphraseFile !== undefined
      ? { passphrase: lineOf('--passphrase-file', passphraseFile) }
      : { secret: loadSecret(config.secretFile, { mayMake: false }) }

const run = async (directory: string, options: ImportCommandOptions): Promise<void> => {
  const erasures = readErasures(options.erasures)
  const site = await openClosedSite({ mayBeNew: true })
  try {
    const { log, files, secrets, config } = site
    const done = await importSite({
      log,
      files,
      secrets,
      directory,
      erasures,
      keyOf: keyOf(site, options.passphraseFile),
      ...foreignOf(site),
      clock: Date.now,
      onProgress: progressPrinter(),
    })
    const tokenPath = adminTokenPath(config.dataDirectory)
    if (done.adminToken !== null && !existsSync(tokenPath)) writeFileSync(tokenPath, `${done.adminToken}\n`, { mode: 0o600 })
    console.log(
      done.records + done.files + done.erased === 0
        ? `${directory}: the site has all of it; nothing was changed.`
        : `${directory}: ${done.records} records and ${done.files} files brought in, ${done.erased} erasures follow at the next start.`,
    )
  } finally {
    await site.close()
  }
}

export const addImport = (program: Command): void => {
  program
    .command('import')
    .description('bring an archive into this site; a second run changes nothing')
    .argument('<directory>', 'what `confab export` wrote')
    .option('--passphrase-file <file>', 'the passphrase it was sealed under; not needed where it was sealed under the secret of this site')
    .option('--erasures <file>', 'what was erased since it was made (`confab export --erasures`): none of it comes back')
    .addHelpText(
      'after',
      `
The archive is checked whole before anything is written. Stop the server first (in a cluster: all nodes), and start it when the import has
ended: cut off at any moment, the same command goes on where it stood. The site may hold other organizations.
Which site: CONFAB_DATA_DIR, or CONFAB_KAFKA_BROKERS.

Examples:
  confab import /backup/monday --passphrase-file passphrase --erasures /backup/erasures.jsonl
  CONFAB_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092 confab import /move`,
    )
    .action(run)
}
