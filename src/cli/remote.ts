// Talks to a running server as its owner, with the token of the data directory or one given.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '#config'
import { ConfabError } from '#errors'

export interface RemoteOptions {
  readonly url?: string
  readonly token?: string
}

export interface Remote {
  readonly url: string
  call<T>(path: string, body?: unknown): Promise<T>
}

/** Adds the options by which a command finds its server. */
export const withRemote = (command: Command): Command =>
  command
    .option('--url <url>', 'where the server runs (default: this machine, CONFAB_PORT)')
    .option('--token <token>', 'bearer token (default: <data dir>/admin-token)')

export const openRemote = (options: RemoteOptions): Remote => {
  const config = loadConfig()
  const url = (options.url ?? `http://127.0.0.1:${config.port}`).replace(/\/$/, '')
  const path = join(config.dataDirectory, 'admin-token')
  if (options.token === undefined && !existsSync(path)) {
    throw new ConfabError('token_missing', {
      detail: `There is none at ${path}; start the server once, set CONFAB_DATA_DIR or give --token.`,
    })
  }
  const token = options.token ?? readFileSync(path, 'utf8').trim()
  return {
    url,
    async call<T>(where: string, body?: unknown) {
      const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const request = fetch(`${url}${where}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const answer = await request.catch((cause: unknown) => {
        throw new ConfabError('server_unreachable', {
          detail: `Nothing answers at ${url}. Is it running (npm start)? Is CONFAB_PORT the same?`,
          cause,
        })
      })
      const text = await answer.text()
      const parsed = text === '' ? null : (JSON.parse(text) as { code?: string; detail?: string; title?: string })
      if (!answer.ok)
        throw new ConfabError('server_refused', {
          detail: `${answer.status} ${parsed?.code ?? ''}: ${parsed?.detail ?? parsed?.title ?? ''}`,
        })
      return parsed as T
    },
  }
}
