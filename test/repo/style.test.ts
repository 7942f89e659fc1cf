// The rules of the house that neither compiler nor lint can hold: sizes, names, headers, reasons.

import assert from 'node:assert/strict'
import { basename, dirname, extname } from 'node:path'
import { test } from 'node:test'
import { missingPlatforms, type Lock } from '../../scripts/complete-lock.ts'
import { machinePaths } from '../../scripts/machine-paths.ts'
import { all, read, sources, tests, tooling } from './tree.ts'

const SOURCE_LINES_MAX = 300
const TEST_LINES_MAX = 500
const FOLDER_DEPTH_MAX = 3

/** Files that may be longer, each with the reason why it cannot be two. */
const longer: Readonly<Record<string, string>> = {}

const lineCount = (path: string): number => read(path).trimEnd().split('\n').length

const offenders = (paths: readonly string[], isWrong: (path: string) => boolean): string[] => paths.filter(isWrong)

test(`no source is longer than ${SOURCE_LINES_MAX} lines, no test longer than ${TEST_LINES_MAX}`, () => {
  const tooLong =
    (max: number) =>
    (path: string): boolean =>
      lineCount(path) > max && longer[path] === undefined
  assert.deepEqual(offenders([...sources, ...tooling], tooLong(SOURCE_LINES_MAX)), [])
  assert.deepEqual(offenders(tests, tooLong(TEST_LINES_MAX)), [])
})

test('a file on the list of longer files is still longer, so that the list only shrinks', () => {
  assert.deepEqual(
    offenders(Object.keys(longer), (path) => lineCount(path) <= SOURCE_LINES_MAX),
    [],
  )
})

test('every module opens with what it is and what it stands between', () => {
  const headerLines = (path: string): number => {
    const lines = read(path)
      .replace(/^#!.*\n/, '')
      .split('\n')
    return lines.findIndex((line) => !line.startsWith('//'))
  }
  assert.deepEqual(
    offenders([...sources, ...tooling], (path) => !path.startsWith('bench/') && headerLines(path) < 2),
    [],
  )
  assert.deepEqual(
    offenders(all, (path) => headerLines(path) < 1),
    [],
  )
})

test(`no folder is deeper than ${FOLDER_DEPTH_MAX}`, () => {
  assert.deepEqual(
    offenders(all, (path) => dirname(path).split('/').length > FOLDER_DEPTH_MAX),
    [],
  )
})

test('file names are kebab-case and say what the file is about', () => {
  const vague = /^(?:utils?|helpers?|common|misc|types?|managers?|services?)$/
  const stem = (path: string): string => basename(path, extname(path))
  assert.deepEqual(
    offenders(all, (path) => !/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/.test(stem(path))),
    [],
  )
  assert.deepEqual(
    offenders(all, (path) => path.split(/[/.]/).some((part) => vague.test(part))),
    [],
  )
})

test('what is left to do stands in an issue', () => {
  // Spelled apart, so that this line is not its own finding.
  const marker = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b(?! ?\\(#\\d+\\))`)
  assert.deepEqual(
    offenders(all, (path) => marker.test(read(path))),
    [],
  )
})

test('every suppression of a rule carries its reason', () => {
  const silent = /(?:oxlint|eslint)-disable(?!.* -- \S)|@ts-(?:expect-error|ignore|nocheck)(?! \S)|c8 ignore|node:coverage disable/
  assert.deepEqual(
    offenders(all, (path) => path !== 'test/repo/style.test.ts' && silent.test(read(path))),
    [],
  )
})

test('no file names a path of one machine', () => {
  assert.deepEqual(
    all.flatMap((path) => machinePaths(path, read(path))),
    [],
  )
})

test('a path of one machine is told from one that every machine has', () => {
  const someone = ['', 'home', 'someone', 'confab'].join('/')
  assert.equal(machinePaths('x.ts', `const a = 1\nopen('${someone}')`).length, 1)
  assert.equal(machinePaths('x.ts', `open("${['', 'root', '.ssh'].join('/')}")`).length, 1)
  assert.deepEqual(machinePaths('x.ts', `get('/v1/workspace'); open('/data/log'); run('/usr/bin/node'); get('/homepage')`), [])
})

test('the lock names no registry and holds every optional platform', () => {
  const text = read('package-lock.json')
  assert.doesNotMatch(text, /"resolved":|registry\./)
  assert.deepEqual(Object.keys(missingPlatforms(JSON.parse(text) as Lock)), [], 'run `node scripts/complete-lock.ts`')
})

test('a platform package that the lock lacks is added as npm would have written it', () => {
  const lock: Lock = {
    packages: {
      'node_modules/tool': {
        version: '1.2.3',
        dev: true,
        optionalDependencies: { '@tool/binding-linux-arm64-musl': '1.2.3', '@tool/win32-x64': '1.2.3', '@tool/any': '^1.0.0' },
      },
      'node_modules/@tool/win32-x64': { version: '1.2.3' },
    },
  }
  assert.deepEqual(missingPlatforms(lock), {
    'node_modules/@tool/binding-linux-arm64-musl': {
      version: '1.2.3',
      cpu: ['arm64'],
      dev: true,
      libc: ['musl'],
      license: 'MIT',
      optional: true,
      os: ['linux'],
    },
  })
})
