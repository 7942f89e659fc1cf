// `confab export`: writes a site into a directory, to back it up or to move it to another form of the log.
// Between an operator whose nodes stand still and src/archive.

import type { Command } from 'commander'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { exportErasures, exportSite, type Key } from '#archive'
import { ConfabError } from '#errors'
import { loadSecret } from '#secrets'
import { adminTokenPath } from '../first-run.ts'
import { foreignOf, lineOf, openClosedSite, progressPrinter } from './site.ts'

interface ExportCommandOptions {
  readonly passphraseFile?: string
  readonly secretFile?: string
}

const keyOf = ({ passphraseFile, secretFile }: ExportCommandOptions): Key => {
  if ((passphraseFile === undefined) === (secretFile === undefined))
    throw new ConfabError('option_invalid', { detail: 'Give --passphrase-file, or --secret-file of the site it goes to: one of the two.' })
  if (passphraseFile !== undefined) return { passphrase: lineOf('--passphrase-file', passphraseFile) }
  return { secret: loadSecret(secretFile ?? '', { mayMake: false }) }
}

const run = async (directory: string, options: ExportCommandOptions): Promise<void> => {
  const key = keyOf(options)
  const site = await openClosedSite({ mayBeNew: false })
  try {
    const tokenPath = adminTokenPath(site.config.dataDirectory)
    const adminToken = existsSync(tokenPath) ? readFileSync(tokenPath, 'utf8').trim() : null
    const { log, files, secrets } = site
    const onProgress = progressPrinter()
    const done = await exportSite({ log, files, secrets, directory, key, adminToken, ...foreignOf(site), clock: Date.now, onProgress })
    console.log(`${directory}: ${done.records} records in ${done.segments} segments, ${done.files} files.`)
  } finally {
    await site.close()
  }
}

const listErasures = async (path: string): Promise<void> => {
  const site = await openClosedSite({ mayBeNew: false })
  try {
    const erasures = await exportErasures(site.log, foreignOf(site).foreign)
    writeFileSync(path, erasures.map((each) => `${JSON.stringify(each)}\n`).join(''), { mode: 0o600 })
    console.log(`${path}: ${erasures.length} erased conversations and contacts.`)
  } finally {
    await site.close()
  }
}

export const addExport = (program: Command): void => {
  program
    .command('export')
    .description('write the whole site into a directory: a backup, or the way to another log')
    .argument('<directory>', 'where to; made if missing. With --erasures a file')
    .option('--passphrase-file <file>', 'seals keys and credentials under the passphrase in the first line of this file')
    .option('--secret-file <file>', 'seals them under the secret of the site that will import it')
    .option('--erasures', 'write only the list of what was erased, for restoring older archives')
    .addHelpText(
      'after',
      `
Stop the server first (in a cluster: all nodes). Cut off at any moment, the same command goes on where it stood.
Which site: CONFAB_DATA_DIR, or CONFAB_KAFKA_BROKERS. Messages lie in the archive as in the log: keep it as safely.

Examples:
  confab export /backup/monday --passphrase-file passphrase
  confab export /move --secret-file /new/secret
  confab export /backup/erasures.jsonl --erasures`,
    )
    .action((target: string, { erasures, ...options }: ExportCommandOptions & { erasures?: boolean }) =>
      erasures === true ? listErasures(target) : run(target, options),
    )
}
