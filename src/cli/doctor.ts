// `confab doctor`: looks at settings, data directory, secret, disk and port, and says in plain words what is wrong and what to do.

import { accessSync, constants, existsSync, statSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig, type Config } from '#config'
import { loadSecret } from '#secrets'

interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly text: string
}

const GIGABYTE = 1024 ** 3
const DISK_WARN_BYTES = 2 * GIGABYTE

const ok = (text: string): Finding => ({ level: 'ok', text })
const warn = (text: string): Finding => ({ level: 'warn', text })
const fail = (text: string): Finding => ({ level: 'fail', text })

const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)))

const dataDirectory = ({ dataDirectory: path }: Config): Finding => {
  if (!existsSync(path)) {
    try {
      accessSync(nearest(path), constants.W_OK)
      return ok(`data directory ${path} does not exist yet; the first start makes it`)
    } catch {
      return fail(`data directory ${path} cannot be made: ${nearest(path)} is not writable. Set CONFAB_DATA_DIR or change its owner.`)
    }
  }
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return ok(`data directory ${path} is readable and writable`)
  } catch {
    return fail(`data directory ${path} is not writable by this user. Set CONFAB_DATA_DIR or change its owner.`)
  }
}

const disk = ({ dataDirectory: path }: Config): Finding => {
  const { bavail, bsize } = statfsSync(nearest(path))
  const free = bavail * bsize
  const text = `${(free / GIGABYTE).toFixed(1)} GB free for the data directory`
  return free < DISK_WARN_BYTES ? warn(`${text}; below 2 GB. When the disk is full, writes are refused with 503.`) : ok(text)
}

const secret = ({ secretFile }: Config): Finding => {
  if (!existsSync(secretFile)) return ok(`the site's secret ${secretFile} does not exist yet; the first start makes it`)
  loadSecret(secretFile)
  const mode = statSync(secretFile).mode & 0o777
  if ((mode & 0o077) !== 0)
    return warn(`the site's secret ${secretFile} can be read by others (mode ${mode.toString(8)}). Run: chmod 600 ${secretFile}`)
  return ok(`the site's secret ${secretFile} is usable. Back it up beside the log: without it credentials and ids are lost.`)
}

const files = ({ dataDirectory: path }: Config): Finding =>
  existsSync(join(path, 'files'))
    ? warn(`attachments lie in ${join(path, 'files')} and nowhere else: back them up`)
    : ok('no attachments yet')

const port = ({ port: number, host }: Config): Promise<Finding> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', (error: NodeJS.ErrnoException) =>
        resolve(
          error.code === 'EADDRINUSE'
            ? warn(`port ${number} is in use: by a running Confab, or set CONFAB_PORT to a free one`)
            : fail(`port ${number} cannot be opened: ${error.message}`),
        ),
      )
      .listen(number, host, () => server.close(() => resolve(ok(`port ${number} is free`))))
  })

const publicUrl = ({ publicUrl: url }: Config): Finding =>
  new URL(url).protocol === 'https:'
    ? ok(`public URL ${url}`)
    : warn(`public URL ${url} is not https: providers cannot reach it. Set CONFAB_PUBLIC_URL to what the outside uses.`)

const attempt = async (check: () => Finding | Promise<Finding>): Promise<Finding> => {
  try {
    return await check()
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

export const addDoctor = (program: Command): void => {
  program
    .command('doctor')
    .description('check settings, data directory, disk, secret and port')
    .action(async () => {
      const config = loadConfig()
      const checks = [dataDirectory, disk, secret, files, port, publicUrl]
      const findings = [ok('the settings are good'), ...(await Promise.all(checks.map((check) => attempt(() => check(config)))))]
      for (const { level, text } of findings) console.log(`${{ ok: '✓', warn: '!', fail: '✗' }[level]} ${text}`)
      if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1
    })
}
