// `confab serve`: runs a node in the foreground until SIGTERM or SIGINT.
// Between a terminal or a supervisor and the node; tells a newcomer where to go.

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

const serve = async (): Promise<void> => {
  const config = loadConfig()
  const asked = Promise.withResolvers<NodeJS.Signals>()
  // From the first moment: a stop while it starts lets the start end, then stops.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, asked.resolve)
  const node = await startNode(config)
  console.log(banner(node.url, node.signInPath, node.tokenPath))
  const signal = await asked.promise
  console.log(`confab: stopping on ${signal}`)
  setTimeout(() => process.exit(1), STOP_MS).unref()
  await node.stop()
}

export const addServe = (program: Command): void => {
  program
    .command('serve')
    .description('run the server in the foreground')
    .addHelpText(
      'after',
      `
Stops on SIGTERM or SIGINT: what was taken on ends, then it exits with code 0, within 10 seconds.

Examples:
  confab serve
  CONFAB_PORT=80 CONFAB_DATA_DIR=/var/lib/confab CONFAB_PUBLIC_URL=https://chat.example confab serve`,
    )
    .action(serve)
}
