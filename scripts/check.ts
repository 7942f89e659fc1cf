// `npm run check`: runs every `check:*` script of package.json, the cheap gate before the tests.
// All of them run even when one fails, so that a reader sees everything there is to repair.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
const names = Object.keys(scripts).filter((name) => name.startsWith('check:'))

/** Milliseconds; a check that hangs is a check that failed. */
const CHECK_TIMEOUT_MS = 300_000

const failed = names.filter((name) => {
  const startedAt = performance.now()
  const { status } = spawnSync('npm', ['run', '--silent', name], { cwd: root, stdio: 'inherit', timeout: CHECK_TIMEOUT_MS })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${status === 0 ? '✔' : '✖'} ${name} (${seconds} s)`)
  return status !== 0
})

if (failed.length > 0) {
  console.error(
    `\nFailed: ${failed.join(', ')}. Run one alone with \`npm run ${failed[0] ?? 'check'}\`; \`npm run format\` repairs the format.`,
  )
  process.exitCode = 1
}
