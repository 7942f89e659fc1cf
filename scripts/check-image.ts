// Runs the Dockerfile's steps one by one in a folder of its own, then starts what the image would start: a check without an engine.
// Stands in for `docker build` and `docker run` by hand: `node scripts/check-image.ts`. Needs the registry, takes about two minutes.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { copyOf, environmentOf, readDockerfile, wordsOf, type Stage, type Step } from './dockerfile.ts'

/** Milliseconds until the server must be healthy, and until it must have stopped. */
const READY_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const POLL_MS = 200

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'confab-image-'))
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
// The image's Node is 24; ours stands in for it, in front of whichever started npm.
const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)

const inside = (stage: string, target: string): string => join(folder, stage, target)

const copy = (step: Step, stage: string, workdir: string): void => {
  const { from, sources, target } = copyOf(step)
  for (const source of sources) {
    if (from === undefined && ignored.includes(source)) throw new Error(`COPY ${source}: .dockerignore keeps it out of the context`)
    const origin = from === undefined ? join(root, source) : inside(from, source)
    const place = resolve(inside(stage, workdir), target)
    const isIntoFolder = target.endsWith('/') || (existsSync(place) && statSync(origin).isFile())
    cpSync(origin, isIntoFolder ? join(place, basename(origin)) : place, { recursive: true, verbatimSymlinks: true })
  }
}

const runStep = (step: Step, stage: string, workdir: string): void => {
  // The image's own users exist in the image alone.
  const command = step.text.replace(/ && chown .*/, '').replaceAll(/ (\/(?:data|shared))\b/g, ` ${inside(stage, '$1')}`)
  const env = { PATH: path, HOME: process.env['HOME'] }
  const { status } = spawnSync('sh', ['-c', command], { cwd: inside(stage, workdir), stdio: 'inherit', env })
  if (status !== 0) throw new Error(`RUN ${command} ended with ${status}`)
}

/** Carries out the stage's steps; returns the folder its last WORKDIR names. */
const build = (stage: Stage): string => {
  let workdir = '/'
  for (const step of stage.steps) {
    console.log(`[${stage.name}] ${step.instruction} ${step.text}`)
    if (step.instruction === 'WORKDIR') mkdirSync(inside(stage.name, (workdir = step.text)), { recursive: true })
    if (step.instruction === 'COPY') copy(step, stage.name, workdir)
    if (step.instruction === 'RUN') runStep(step, stage.name, workdir)
  }
  return inside(stage.name, workdir)
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Starts the image's command, waits until its own health check passes, stops it; throws when either takes too long. */
const start = async (stage: Stage, cwd: string): Promise<void> => {
  const declared = environmentOf(stage)
  const data = inside(stage.name, declared['CONFAB_DATA_DIR'] ?? '/data')
  const env = { ...declared, PATH: path, CONFAB_DATA_DIR: data, CONFAB_PORT: String(await freePort()) }
  const [program = '', ...rest] = [...wordsOf(stage, 'ENTRYPOINT'), ...wordsOf(stage, 'CMD')]
  const server = spawn(program, rest, { cwd, env, stdio: 'inherit' })
  const exit = once(server, 'exit')
  const [checker = '', ...question] = wordsOf(stage, 'HEALTHCHECK')
  const deadline = performance.now() + READY_TIMEOUT_MS
  while (spawnSync(checker, question, { cwd, env }).status !== 0) {
    if (server.exitCode !== null || performance.now() > deadline) throw new Error('The server did not become healthy')
    await delay(POLL_MS)
  }
  server.kill('SIGTERM')
  const isStopped = await Promise.race([exit, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
  if (isStopped === undefined) server.kill('SIGKILL')
  if (isStopped === undefined || server.exitCode !== 0) throw new Error(`SIGTERM did not stop the server cleanly: ${server.exitCode}`)
}

try {
  const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  const workdirs = stages.map(build)
  const image = stages.at(-1)
  if (image === undefined) throw new Error('The Dockerfile has no stage')
  await start(image, workdirs.at(-1) ?? folder)
  console.log('Every step ran; the server became healthy and stopped cleanly.')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
