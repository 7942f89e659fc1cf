// `confab serve`: runs a node in the foreground until SIGTERM or SIGINT, and tells a newcomer where to go.

import type { Command } from 'commander'
import { loadConfig } from '#config'
import { startNode } from '#main'

/** After this long a stop is no longer waited for. */
const STOP_MS = 10_000

const banner = (url: string, signInPath: string | null, tokenPath: string): string =>
  [
    '',
    `  Confab is running at ${url}`,
    '',
    `  inbox      ${url}/inbox/`,
    `  try it     ${url}/try   (a page with the web chat on it: write to yourself)`,
    `  API docs   ${url}/docs`,
    ...(signInPath === null
      ? []
      : ['', '  Sign in for the first time with this link; it works once, for 24 hours:', `  ${url}${signInPath}`]),
    '',
    `  The owner's API token lies in ${tokenPath}`,
    '',
  ].join('\n')

export const addServe = (program: Command): void => {
  program
    .command('serve')
    .description('run the server in the foreground')
    .action(async () => {
      const node = await startNode(loadConfig())
      console.log(banner(node.url, node.signInPath, node.tokenPath))
      const stopped = Promise.withResolvers<void>()
      const stop = (signal: NodeJS.Signals): void => {
        console.log(`confab: stopping on ${signal}`)
        setTimeout(() => process.exit(1), STOP_MS).unref()
        node.stop().then(stopped.resolve, stopped.reject)
      }
      process.once('SIGTERM', stop).once('SIGINT', stop)
      await stopped.promise
    })
}
