// `npm test`: installs what the tests need, runs them all with node:test, and says plainly what was skipped and why.
// Stands between a fresh machine and test/**; with CI=true a skipped test is a failed run.
// Usage: npm test [-- [--name PATTERN] [PART-OF-A-PATH ...]]

import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { provideConfluent } from './confluent.ts'
import { provideKafka } from './kafka.ts'
import { provideTools, tools } from './tools.ts'

interface Skip {
  readonly where: string
  readonly why: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const { values, positionals } = parseArgs({ allowPositionals: true, options: { name: { type: 'string', multiple: true } } })

const files = globSync('test/**/*.test.ts')
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(relative(root, join(root, part)))))
  .toSorted()

// A file that names a program drives it: one test file alone installs nothing it does not use.
const text = files.map((file) => readFileSync(file, 'utf8')).join('\n')
const needed = tools.filter((tool) => text.includes(tool.testVariable) || text.includes(`'${tool.name}'`))
Object.assign(process.env, provideTools(needed))
if (text.includes('/kafka/index.ts')) provideKafka()
if (text.includes("'confluent'")) process.env['NODE_PATH'] = provideConfluent()

const skips: Skip[] = []
const closing = { passed: 0, failed: 0, skipped: 0 }

const stream = run({
  files: files.map((file) => join(root, file)),
  concurrency: availableParallelism(),
  execArgv: ['--import', fileURLToPath(new URL('watchdog.ts', import.meta.url))],
  ...(values.name === undefined ? {} : { testNamePatterns: values.name }),
})

const noteSkip = (data: { file?: string; name: string; skip?: string | boolean; todo?: string | boolean }): void => {
  const reason = data.skip ?? data.todo
  if (reason === undefined || reason === false) return
  const where = `${data.file === undefined ? '' : `${relative(root, data.file)}: `}${data.name}`
  skips.push({ where, why: typeof reason === 'string' && reason !== '' ? reason : 'no reason given' })
}

stream.on('test:pass', noteSkip)
stream.on('test:fail', noteSkip)
stream.on('test:summary', ({ file, counts }) => {
  // Summaries of single files come first; the one without a file is the whole run's.
  if (file !== undefined) return
  closing.passed = counts.passed
  closing.failed = counts.tests - counts.passed - counts.skipped - counts.todo
  closing.skipped = counts.skipped + counts.todo
})

for await (const chunk of stream.compose(new spec())) process.stdout.write(String(chunk))

if (skips.length > 0) {
  console.log('\nSkipped:')
  for (const { where, why } of skips) console.log(`  ${where}: ${why}`)
}
const isIncomplete = process.env['CI'] === 'true' && skips.length > 0
if (isIncomplete) console.log('\nWith CI=true nothing may be skipped: this run counts as failed.')
if (closing.passed + closing.failed + closing.skipped === 0) console.log('\nNo test ran.')
console.log(`\n${closing.passed} passed, ${closing.failed} failed, ${closing.skipped} skipped`)
process.exitCode = closing.failed > 0 || closing.passed === 0 || isIncomplete ? 1 : 0
