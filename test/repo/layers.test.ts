// The layers hold: the table covers every source, lint refuses what it forbids, and the rest is read from the imports.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, matchesGlob, normalize } from 'node:path'
import { before, describe, test } from 'node:test'
import { layers, pureFiles } from '../../scripts/layers.ts'
import { importsOf } from './imports.ts'
import { read, root, sources } from './tree.ts'

const manifest = JSON.parse(read('package.json')) as { imports: Record<string, string> }

const namedIn = (path: string): string[] => Object.values(importsOf(read(path))).flat()

/** The folder a file may reach by a relative path: its module, as far as `package.json` and the pages name modules. */
const moduleOf = (path: string): string => {
  const [top = '', second = ''] = path.split('/')
  if (top !== 'src') return top
  // The composition root is one module in three places: main.ts, what it opens, the command line that calls it.
  return second.includes('.') || second === 'node' || second === 'cli' ? 'src (its files)' : `src/${second}`
}

test('every source belongs to a layer', () => {
  assert.deepEqual(
    sources.filter((path) => !layers.some((layer) => layer.files.some((glob) => matchesGlob(path, glob)))),
    [],
  )
})

test('every name in the map of imports leads to a file', () => {
  assert.deepEqual(
    Object.entries(manifest.imports).filter(([, path]) => !existsSync(join(root, path))),
    [],
  )
})

test('a relative import stays inside its own module; others are reached by their #name', () => {
  const outside = sources
    .filter((path) => !path.endsWith('vite.config.ts'))
    .flatMap((path) =>
      namedIn(path)
        .filter((specifier) => specifier.startsWith('.'))
        .filter((specifier) => moduleOf(normalize(join(dirname(path), specifier))) !== moduleOf(path))
        .map((specifier) => `${path} imports ${specifier}`),
    )
  assert.deepEqual(outside, [])
})

test('pure folders never ask what time it is', () => {
  const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  const pure = sources.filter((path) => pureFiles.some((glob) => matchesGlob(path, glob)))
  assert.deepEqual(
    pure.filter((path) => /new Date\(\s*\)|\bDate\(\)/.test(withoutComments(read(path)))),
    [],
  )
})

interface Case {
  readonly what: string
  readonly path: string
  readonly text: string
  readonly rules: readonly string[]
}

const refused: readonly Case[] = [
  {
    what: 'the machine in schemas',
    path: 'schemas/sample-1.ts',
    text: `export { openLog } from '#log'\nexport { readFile } from 'node:fs/promises'\n`,
    rules: ['no-restricted-imports'],
  },
  {
    what: 'interpreters in actors',
    path: 'actors/sample-2.ts',
    text: `export { createActor, fromPromise } from 'xstate'\n`,
    rules: ['no-restricted-imports'],
  },
  {
    what: 'clock, chance and timers in actors',
    path: 'actors/sample-3.ts',
    text: `export const at = [Date.now(), Math.random()]\nsetTimeout(() => at, 1)\n`,
    rules: ['no-restricted-globals', 'no-restricted-properties'],
  },
  {
    what: 'topics in channels',
    path: 'channels/sample/parse.ts',
    text: `export { topics } from '#topics'\n`,
    rules: ['no-restricted-imports'],
  },
  {
    what: 'values of another port in http',
    path: 'src/http/sample-4.ts',
    text: `export { openLog } from '#log'\n`,
    rules: ['no-restricted-imports'],
  },
  {
    what: 'connections past the outgoing guard',
    path: 'src/runtime/sample-5.ts',
    text: `export { request } from 'undici'\nexport { get } from 'node:https'\nexport const page = fetch('x')\n`,
    rules: ['no-restricted-globals', 'no-restricted-imports'],
  },
  {
    what: 'the environment outside the settings',
    path: 'src/http/sample-6.ts',
    text: `export const port = process.env['PORT']\n`,
    rules: ['no-process-env'],
  },
  {
    what: 'the server in the inbox',
    path: 'src/inbox/sample-7.ts',
    text: `export { openLog } from '#log'\nexport { derive } from '#schemas'\n`,
    rules: ['no-restricted-imports'],
  },
  {
    what: 'lost promises',
    path: 'src/runtime/sample-8.ts',
    text: `const send = (): Promise<number> => Promise.resolve(1)\nexport const start = (): void => {\n  send()\n  void send()\n}\n`,
    rules: ['no-floating-promises'],
  },
  {
    what: 'a switch that forgets a case',
    path: 'actors/sample-9.ts',
    text: `export const rank = (kind: 'a' | 'b'): number => {\n  switch (kind) {\n    case 'a':\n      return 1\n  }\n  return 0\n}\n`,
    rules: ['switch-exhaustiveness-check'],
  },
  {
    what: 'default exports, any and empty catches',
    path: 'src/views/sample-10.ts',
    text: `export default (value: any): void => {\n  try {\n    value()\n  } catch {}\n}\n`,
    rules: ['no-default-export', 'no-empty', 'no-explicit-any', 'no-unsafe-call'],
  },
]

const allowed: readonly Case[] = [
  { what: 'pure steps in actors', path: 'actors/step.ts', text: `export { transition } from 'xstate'\n`, rules: [] },
  {
    what: "other ports' types and its own technology in http",
    path: 'src/http/door.ts',
    text: `export type { Log } from '#log'\nexport { fastify } from 'fastify'\n`,
    rules: [],
  },
  {
    what: 'connections in the outgoing guard',
    path: 'src/effects/http-sample.ts',
    text: `export { request } from 'undici'\nexport const page = fetch('x')\n`,
    rules: [],
  },
  {
    what: 'the client and types in the inbox',
    path: 'src/inbox/page.ts',
    text: `export type { Id } from '#schemas'\nexport { connect } from '#client'\n`,
    rules: [],
  },
  {
    what: 'everything, and the console, in the command line',
    path: 'src/cli/sample.ts',
    text: `export { openLog } from '#log'\nconsole.log('ready')\n`,
    rules: [],
  },
]

/** What lint says of a tree that holds the samples alone: path to the names of the broken rules. */
const lintSamples = (samples: readonly Case[]): Map<string, string[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'confab-layers-'))
  try {
    for (const path of ['package.json', 'oxlint.config.ts', 'tsconfig.json', 'tsconfig.web.json', 'scripts']) {
      cpSync(join(root, path), join(folder, path), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const { path, text } of samples) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const program = join(root, 'node_modules/oxlint/bin/oxlint')
    const { stdout } = spawnSync(process.execPath, [program, '--format=json', 'schemas', 'actors', 'channels', 'src'], {
      cwd: folder,
      encoding: 'utf8',
    })
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
    const broken = Map.groupBy(diagnostics, ({ filename }) => filename)
    return new Map([...broken].map(([path, found]) => [path, found.map(({ code }) => code.replace(/^.*\((.*)\)$/, '$1'))]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('lint', () => {
  let broken = new Map<string, string[]>()
  before(() => {
    broken = lintSamples([...refused, ...allowed])
  })
  const rulesBroken = (path: string): string[] => [...new Set(broken.get(path))].toSorted()
  for (const { what, path, rules } of refused) test(`refuses ${what}`, () => assert.deepEqual(rulesBroken(path), rules))
  for (const { what, path, rules } of allowed) test(`allows ${what}`, () => assert.deepEqual(rulesBroken(path), rules))
})
