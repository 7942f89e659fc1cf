// What `confab doctor` looks at, one check a function, each answering sentences that say what to do.
// Between the machine as it is and a person who wonders why something does not work.

import { accessSync, closeSync, constants, existsSync, openSync, readSync, readdirSync, statSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Config } from '#config'
import { openEmbeddedReader, type EmbeddedReader } from '#log'
import { loadSecret, openSecrets } from '#secrets'
import { decode, settingRecords, type Organization } from '#schemas/log'
import { logDirectory } from './records.ts'

export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly text: string
}

const GIGABYTE = 1024 ** 3
const MEGABYTE = 1024 ** 2
const DISK_WARN_BYTES = 2 * GIGABYTE
/** A WAL beyond this is not being folded back into the file. */
const WAL_WARN_BYTES = 512 * MEGABYTE

const ok = (text: string): Finding => ({ level: 'ok', text })
const warn = (text: string): Finding => ({ level: 'warn', text })
const fail = (text: string): Finding => ({ level: 'fail', text })

const sizeOf = (bytes: number): string => (bytes < GIGABYTE ? `${(bytes / MEGABYTE).toFixed(1)} MB` : `${(bytes / GIGABYTE).toFixed(1)} GB`)
const dateOf = (time: number | null): string => (time === null ? '(none)' : new Date(time).toISOString())

/** The path, or the nearest folder above it that exists. */
const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)))

const mayWrite = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

const dataDirectory = ({ dataDirectory: path }: Config): Finding[] => {
  const place = nearest(path)
  if (!statSync(place).isDirectory()) return [fail(`${place} is a file, not a directory. Set CONFAB_DATA_DIR to another path.`)]
  if (!mayWrite(place))
    return [fail(`data directory ${path}: ${place} cannot be written by this user. Set CONFAB_DATA_DIR or change its owner.`)]
  if (!existsSync(path)) return [ok(`data directory ${path} does not exist yet; the first start makes it`)]
  const places = ['.', 'log', 'views'].map((folder) => join(path, folder)).filter(existsSync)
  const strangers = places.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))).filter((name) => !mayWrite(name))
  const [first] = strangers
  if (first !== undefined)
    return [
      fail(
        `${strangers.length} paths in the data directory cannot be written by this user, such as ${first}. Run: chown -R <user> ${path}`,
      ),
    ]
  return [ok(`data directory ${path} is readable and writable`)]
}

const disk = ({ dataDirectory: path }: Config): Finding[] => {
  const { bavail, bsize } = statfsSync(nearest(path))
  const free = bavail * bsize
  const text = `${sizeOf(free)} free for the data directory`
  return [
    free < DISK_WARN_BYTES
      ? warn(`${text}, less than 2 GB. When the disk is full, writes are refused with 503 until space is free.`)
      : ok(text),
  ]
}

const withLog = <T>(config: Config, look: (reader: EmbeddedReader) => T): T => {
  const reader = openEmbeddedReader({ directory: logDirectory(config) })
  try {
    return look(reader)
  } finally {
    reader.close()
  }
}

const hasLog = (config: Config): boolean => existsSync(join(logDirectory(config), 'log.db'))

const log = (config: Config, isDeep: boolean): Finding[] => {
  if (!hasLog(config)) return [ok('there is no log yet; the first start makes it')]
  return withLog(config, (reader) => {
    const { file, id, format, sizeBytes, walBytes, oldestEventAt, newestEventAt, isInUse } = reader.facts()
    const findings = [
      ok(`log ${file}: ${sizeOf(sizeBytes)}, ${sizeOf(walBytes)} of it not yet folded in (WAL), format ${format}, id ${id}`),
      ok(`events from ${dateOf(oldestEventAt)} to ${dateOf(newestEventAt)}`),
      ok(isInUse ? 'the data directory is in use by a running server' : 'no server runs on the data directory'),
    ]
    if (walBytes > WAL_WARN_BYTES)
      findings.push(
        warn('the WAL is large: something reads the log for very long, or the disk is slow. Restarting the server folds it in.'),
      )
    if (!isDeep) return findings
    const faults = reader.check()
    return faults.length === 0
      ? [...findings, ok('every page of the log is sound')]
      : [...findings, ...faults.map((fault) => fail(`the log is damaged: ${fault}. Restore it from a backup.`))]
  })
}

/** The newest record of an organization: it holds an id key, sealed under the secret. */
const organizationOf = (reader: EmbeddedReader): Organization | undefined => {
  const accepts = (body: Uint8Array): boolean => Buffer.from(body.buffer, body.byteOffset, body.length).includes('organization/')
  for (let [place, isLast] = [reader.latest(), false]; !isLast;) {
    const page = reader.before(place, { topics: ['config'], accepts })
    for (const { record } of page.records)
      if (record.headers['type'] === 'organization' && record.value !== null) return decode(settingRecords.organization, record.value)
    ;({ place, isLast } = page)
  }
  return undefined
}

const fits = (config: Config, secret: Buffer): Finding[] => {
  const organization = hasLog(config) ? withLog(config, organizationOf) : undefined
  if (organization === undefined) return []
  openSecrets(secret).open('id-key', organization.sealedIdKey, organization.id)
  return [ok('the secret is the one that the log was written under')]
}

const secret = (config: Config): Finding[] => {
  const { secretFile: path } = config
  if (!existsSync(path)) {
    if (hasLog(config))
      return [
        fail(
          `the site's secret ${path} is missing and the log was written under one. Restore it from the backup, or set CONFAB_SECRET_FILE.`,
        ),
      ]
    return [ok(`the site's secret ${path} does not exist yet; the first start makes it`)]
  }
  const findings = [
    ok(`the site's secret ${path} is usable. Back it up beside the log: without it credentials and ids are lost.`),
    ...fits(config, loadSecret(path)),
  ]
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0)
    findings.push(warn(`the site's secret ${path} can be read by others (mode ${mode.toString(8)}). Run: chmod 600 ${path}`))
  return findings
}

const MAGIC = 'SQLite format 3'
const headOf = (path: string): string => {
  const head = Buffer.alloc(MAGIC.length)
  const file = openSync(path, 'r')
  readSync(file, head)
  closeSync(file)
  return head.toString('latin1')
}

const views = ({ dataDirectory: path }: Config): Finding[] => {
  const directory = join(path, 'views')
  const files = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.db')) : []
  if (files.length === 0) return [ok('no views yet; a start makes them from the log')]
  const bytes = files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  const damaged = files.filter((name) => headOf(join(directory, name)) !== MAGIC)
  if (damaged.length > 0) return [warn(`views ${damaged.join(', ')} are damaged; the next start makes them anew from the log`)]
  return [ok(`views: ${sizeOf(bytes)}; they may be deleted while the server is stopped, a start makes them anew`)]
}

const files = ({ dataDirectory: path }: Config): Finding[] => {
  const directory = join(path, 'files')
  const hasAny = existsSync(directory) && readdirSync(directory, { recursive: true, withFileTypes: true }).some((entry) => entry.isFile())
  return [hasAny ? warn(`attachments lie in ${directory} and nowhere else: back them up with the log`) : ok('no attachments yet')]
}

const port = ({ port: number, host, dataDirectory: path }: Config): Promise<Finding[]> =>
  new Promise((resolve) => {
    const inUse = `port ${number} is in use: by the server on ${path} if it runs, else by another program; then set CONFAB_PORT to a free one`
    const server = createServer()
      .once('error', (error: NodeJS.ErrnoException) =>
        resolve([
          error.code === 'EADDRINUSE'
            ? warn(inUse)
            : fail(`CONFAB_HOST ${host}, CONFAB_PORT ${number} cannot be listened on: ${error.message}`),
        ]),
      )
      .listen(number, host, () =>
        server.close(() => resolve([ok(number === 0 ? 'the server will take a free port' : `port ${number} is free`)])),
      )
  })

const publicUrl = ({ publicUrl: url }: Config): Finding[] => [
  new URL(url).protocol === 'https:'
    ? ok(`public URL ${url}`)
    : warn(`public URL ${url} is not https: providers cannot reach it. Set CONFAB_PUBLIC_URL to what the outside uses.`),
]

const attempt = async (check: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> => {
  try {
    return await check()
  } catch (error) {
    return [fail(error instanceof Error ? error.message : String(error))]
  }
}

/** Everything there is to say, in the order in which one would look. */
export const findingsOf = async (config: Config, { isDeep }: { readonly isDeep: boolean }): Promise<Finding[]> => {
  const checks = [dataDirectory, disk, secret, (given: Config) => log(given, isDeep), views, files, port, publicUrl]
  const findings: Finding[] = []
  for (const check of checks) findings.push(...(await attempt(() => check(config))))
  return findings
}
