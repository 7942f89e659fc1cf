// The programs that some tests drive and npm cannot bring: a browser, a Redis, a tracer of system calls.
// Found where they are, installed by the system's package manager where that is allowed, else named in one command.

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Tool {
  /** Name of the package in Debian and its relatives. */
  readonly name: string
  /** Names of the program, best first. */
  readonly programs: readonly string[]
  /** Where people say which one they want. */
  readonly variable: string
  /** Where the tests read what was found: a test that misses it skips with a reason. */
  readonly testVariable: string
}

export const tools: readonly Tool[] = [
  {
    name: 'chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    variable: 'CHROMIUM_PATH',
    testVariable: 'CONFAB_TEST_CHROMIUM',
  },
  // Two packages of one kind: brokers run on the one and are fetched by the other.
  { name: 'openjdk-17-jre-headless', programs: ['java'], variable: 'JAVA_PATH', testVariable: 'CONFAB_TEST_JAVA' },
  { name: 'maven', programs: ['mvn'], variable: 'MAVEN_PATH', testVariable: 'CONFAB_TEST_MAVEN' },
  { name: 'redis-server', programs: ['redis-server', 'valkey-server'], variable: 'REDIS_SERVER_PATH', testVariable: 'CONFAB_TEST_REDIS' },
  { name: 'strace', programs: ['strace'], variable: 'STRACE_PATH', testVariable: 'CONFAB_TEST_STRACE' },
]

/** Milliseconds; a package manager that waits for a lock or a mirror longer than this counts as failed. */
const INSTALL_TIMEOUT_MS = 600_000

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Missing or not ours to run: the search goes on.
    return false
  }
}

/** The full path of the first of `programs` in PATH or the usual folders. */
export const findProgram = (programs: readonly string[], path = process.env['PATH'] ?? ''): string | undefined => {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), '/usr/bin', '/usr/local/bin']
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isExecutable)
}

const findTool = (tool: Tool): string | undefined => process.env[tool.variable] ?? findProgram(tool.programs)

const succeeds = (command: readonly string[]): boolean => {
  const [program = '', ...rest] = command
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Output goes to stderr: whoever reads the results of the tests on stdout is not interrupted.
  return spawnSync(program, rest, { stdio: ['ignore', 2, 2], env, timeout: INSTALL_TIMEOUT_MS }).status === 0
}

/** What to put before a command that needs root, or undefined where we may not. */
const rootPrefix = (): readonly string[] | undefined => {
  if (process.getuid?.() === 0) return []
  const sudo = findProgram(['sudo'])
  return sudo !== undefined && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? [sudo, '-n'] : undefined
}

/** Installs by the system's package manager where that is allowed; answers whether it did. */
export const installPackages = (names: readonly string[]): boolean => {
  const prefix = rootPrefix()
  if (findProgram(['apt-get']) === undefined || prefix === undefined) return false
  console.error(`Installing what the tests need: ${names.join(', ')}`)
  return (
    succeeds([...prefix, 'apt-get', 'update', '-q']) &&
    succeeds([...prefix, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...names])
  )
}

/** The one command that installs `names` by the package manager at hand. */
export const installCommand = (
  names: readonly string[],
  isThere = (program: string): boolean => findProgram([program]) !== undefined,
): string => {
  const words = names.join(' ')
  if (isThere('apt-get')) return `sudo apt-get update && sudo apt-get install -y ${words}`
  if (isThere('dnf')) return `sudo dnf install -y ${words}`
  if (isThere('pacman')) return `sudo pacman -S --noconfirm ${words}`
  if (isThere('apk')) return `sudo apk add ${words}`
  if (isThere('brew')) return `brew install ${words}`
  return `your package manager to install ${names.join(' and ')}`
}

/** Finds or installs `wanted`; returns the environment for the tests, and says on stderr what stays missing. */
export const provideTools = (wanted: readonly Tool[]): Record<string, string> => {
  const missing = wanted.filter((tool) => findTool(tool) === undefined).map((tool) => tool.name)
  if (missing.length > 0 && !installPackages(missing)) {
    console.error(`Some tests need ${missing.join(' and ')} and will be skipped. Run once: ${installCommand(missing)}`)
  }
  const found = wanted.map((tool) => [tool.testVariable, findTool(tool)] as const)
  return Object.fromEntries(found.flatMap(([variable, path]) => (path === undefined ? [] : [[variable, path]])))
}
