// What npm does with our scripts: a stop reaches the server, and an old Node is told what to do.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { read, root } from './tree.ts'

const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }

/** A server that stays until it is asked to stop, and says so. */
const server = `
const timer = setInterval(() => {}, 1000)
process.on('SIGTERM', () => { console.log('stopping'); clearInterval(timer) })
console.log('ready', process.argv.slice(2).join(' '))
`

/** The lines our own server prints between the start under npm and its end after SIGTERM to npm, and npm's exit code. */
const stopUnderNpm = async (...words: string[]): Promise<{ lines: string[]; code: number | null }> => {
  const folder = mkdtempSync(join(tmpdir(), 'confab-start-'))
  try {
    mkdirSync(join(folder, 'src/cli'), { recursive: true })
    writeFileSync(join(folder, 'src/cli/confab.ts'), server)
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'sample', type: 'module', scripts: { start: scripts['start'], confab: scripts['confab'] } }),
    )
    const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) }
    const npm = spawn('npm', words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(npm, 'close') as Promise<[number | null]>
    const lines: string[] = []
    for await (const line of createInterface({ input: npm.stdout })) {
      if (/^(?:ready|stopping)/.test(line)) lines.push(line)
      if (line.startsWith('ready')) npm.kill('SIGTERM')
    }
    const [code] = await closed
    return { lines, code }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('SIGTERM to `npm start` reaches the server, which ends in its own time and with its own exit code', async () => {
  assert.deepEqual(await stopUnderNpm('start'), { lines: ['ready serve', 'stopping'], code: 0 })
})

test('SIGTERM to `npm run confab -- serve` reaches the server too', async () => {
  assert.deepEqual(await stopUnderNpm('run', 'confab', '--', 'serve'), { lines: ['ready serve', 'stopping'], code: 0 })
})

test('an old Node is told in plain words what to do, by the scripts and by the command', () => {
  // The version is the one thing changed: what an old Node sees is the same file.
  const asOldNode = join(root, 'scripts/require-node.js')
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.1.0' }); await import(${JSON.stringify(asOldNode)})`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', pretend], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /needs Node 24 or later; this is Node 20\.1\.0/)
  assert.match(stderr, /npm ci/)
  for (const name of ['start', 'test', 'check', 'bench', 'confab'])
    assert.match(scripts[`pre${name}`] ?? '', /^node scripts\/require-node\.js/, name)
  assert.match(read('scripts/confab.js'), /^import '\.\/require-node\.js'$/m)
})
