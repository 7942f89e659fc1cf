// Talks to a running server as its owner, with the token of the data directory or one given.
// Between the subcommands that need a server and its HTTP API.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig, type Config } from '#config'
import { ConfabError } from '#errors'

export interface RemoteOptions {
  readonly url?: string
  readonly token?: string
}

export interface Remote {
  readonly url: string
  /** A GET, or with a body a POST. Throws `server_unreachable`, and `server_refused` with the server's own words. */
  call<T>(path: string, body?: unknown): Promise<T>
  remove(path: string): Promise<void>
}

/** Adds the options by which a command finds its server. */
export const withRemote = (command: Command): Command =>
  command
    .option('--url <url>', 'where the server runs (default: this machine, CONFAB_PORT)')
    .option('--token <token>', 'bearer token (default: <data dir>/admin-token)')

const tokenOf = (config: Config): string => {
  const path = join(config.dataDirectory, 'admin-token')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? `There is none at ${path}; start the server once, set CONFAB_DATA_DIR or give --token.`
        : `${path} cannot be read; give --token.`
    throw new ConfabError('token_missing', { detail: reason, cause })
  }
}

const urlOf = ({ url }: RemoteOptions, { host, port }: Config): string => {
  const given = url ?? `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`
  if (!URL.canParse(given) || !/^https?:/.test(given))
    throw new ConfabError('option_invalid', { detail: '--url expects an address such as http://127.0.0.1:8080.' })
  return given.replace(/\/$/, '')
}

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly title?: string
}

/** What the other side answered, where it is ours. */
const parsed = (text: string, url: string): unknown => {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch (cause) {
    throw new ConfabError('server_refused', { detail: `${url} does not answer as Confab does. Is --url or CONFAB_PORT right?`, cause })
  }
}

export const openRemote = (options: RemoteOptions): Remote => {
  const config = loadConfig()
  const url = urlOf(options, config)
  const token = options.token ?? tokenOf(config)
  const ask = async (method: string, where: string, body?: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const request = fetch(`${url}${where}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const answer = await request.catch((cause: unknown) => {
      throw new ConfabError('server_unreachable', {
        detail: `Nothing answers at ${url}. Is it running (npm start)? Is CONFAB_PORT the same?`,
        cause,
      })
    })
    const value = parsed(await answer.text(), url)
    if (answer.ok) return value
    const { code = '', detail, title = '' } = (value ?? {}) as Problem
    throw new ConfabError('server_refused', { detail: `${answer.status} ${code}: ${detail ?? title}` })
  }
  return {
    url,
    call: async <T>(where: string, body?: unknown) => (await ask(body === undefined ? 'GET' : 'POST', where, body)) as T,
    remove: async (where) => void (await ask('DELETE', where)),
  }
}
