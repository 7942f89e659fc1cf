// Prism as a provider: answers as a specification says, and refuses what the specification does not allow.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
/** Where packages lie, for specifications that come in one. */
export const modules = join(dirname(require.resolve('twilio/package.json')), '..')
const PRISM = join(modules, '@stoplight/prism-cli/dist/index.js')
const READY_MS = 60_000

export interface Prism {
  readonly url: string
  stop(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

export const startPrism = async (specification: string): Promise<Prism> => {
  const port = await freePort()
  const prism = spawn(process.execPath, [PRISM, 'mock', specification, '-p', String(port), '-h', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`Prism did not start: ${output}`)), READY_MS)
  for (const stream of [prism.stdout, prism.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += String(chunk)
      if (output.includes('is listening')) resolve()
    })
  prism.once('exit', () => reject(new Error(`Prism ended: ${output}`)))
  await promise.finally(() => clearTimeout(timer))
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      if (prism.exitCode !== null) return
      prism.kill()
      await once(prism, 'exit')
    },
  }
}
