// The container files without an engine: what they name exists, and the image needs no development dependency.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { settingsTable } from '#config'
import { copyOf, environmentOf, readDockerfile, wordsOf } from '../../scripts/dockerfile.ts'
import { importsOf } from './imports.ts'
import { read, root, sources } from './tree.ts'

const stages = readDockerfile(read('Dockerfile'))
const image = stages.at(-1) ?? assert.fail('the Dockerfile has a stage')
const settings: readonly string[] = Object.values(settingsTable).map(({ name }) => name)

test('every stage is based on Node 24', () => {
  assert.deepEqual(
    stages.map(({ base }) => base).filter((base) => !/^node:24\b/.test(base)),
    [],
  )
})

test('every file the image copies exists and is not kept out of the context', () => {
  const ignored = read('.dockerignore').split('\n')
  for (const step of stages.flatMap((stage) => stage.steps).filter(({ instruction }) => instruction === 'COPY')) {
    const { from, sources: names } = copyOf(step)
    if (from !== undefined)
      assert.ok(
        stages.some((stage) => stage.name === from),
        from,
      )
    else for (const name of names) assert.ok(existsSync(join(root, name)) && !ignored.includes(name), name)
  }
})

test('the image holds every folder of sources, serves as another user, keeps /data and knows whether it is healthy', () => {
  const copied = image.steps.filter(({ instruction }) => instruction === 'COPY').flatMap((step) => copyOf(step).sources)
  for (const folder of ['schemas', 'actors', 'channels', 'src']) assert.ok(copied.includes(folder), folder)
  const textOf = (name: string): string | undefined => image.steps.find(({ instruction }) => instruction === name)?.text
  assert.equal(textOf('USER'), 'node')
  assert.equal(textOf('VOLUME'), '/data')
  assert.equal(textOf('EXPOSE'), environmentOf(image)['CONFAB_PORT'])
  assert.match(wordsOf(image, 'HEALTHCHECK').join(' '), /\/healthz/)
  assert.deepEqual([...wordsOf(image, 'ENTRYPOINT'), ...wordsOf(image, 'CMD')], ['node', 'src/cli/confab.ts', 'serve'])
})

test('image and compose file set only settings that exist', () => {
  const set = [...Object.keys(environmentOf(image)), ...Object.keys(composeFile().services['confab']?.environment ?? {})]
  assert.deepEqual(
    set.filter((name) => name !== 'NODE_ENV' && !settings.includes(name)),
    [],
  )
})

interface ComposeFile {
  readonly services: Record<
    string,
    {
      build?: string
      ports?: string[]
      volumes?: string[]
      stop_grace_period?: string
      profiles?: string[]
      environment?: Record<string, unknown>
    }
  >
  readonly volumes: Record<string, null>
}

const composeFile = (): ComposeFile => parse(read('docker-compose.yml'), { merge: true }) as ComposeFile

test('without a profile the compose file is one service over one named volume, and gives it time to stop', () => {
  const plain = Object.entries(composeFile().services).filter(([, { profiles }]) => profiles === undefined)
  assert.deepEqual(
    plain.map(([name]) => name),
    ['confab'],
  )
  const [, confab] = plain[0] ?? []
  assert.equal(confab?.build, '.')
  assert.deepEqual(confab.volumes, ['data:/data'])
  assert.match(confab.ports?.[0] ?? '', /:8080$/)
  assert.equal(confab.stop_grace_period, '15s')
})

test('the profile of a cluster is three brokers, Redis and two nodes that share a secret, files and an address', () => {
  const { services, volumes } = composeFile()
  const cluster = Object.entries(services).filter(([, { profiles }]) => profiles?.join() === 'cluster')
  assert.deepEqual(cluster.map(([name]) => name).toSorted(), ['kafka-1', 'kafka-2', 'kafka-3', 'node-1', 'node-2', 'redis'])
  const nodes = cluster.filter(([name]) => name.startsWith('node-')).map(([, service]) => service)
  const brokers = cluster.filter(([name]) => name.startsWith('kafka-')).map(([, service]) => service)
  assert.deepEqual(nodes[0]?.environment, nodes[1]?.environment)
  assert.deepEqual(
    brokers.map(({ environment }) => environment?.['KAFKA_NODE_ID']),
    [1, 2, 3],
  )
  const mounted = Object.values(services).flatMap((service) => (service.volumes ?? []).map((volume) => volume.split(':')[0]))
  assert.deepEqual(
    [...new Set(mounted)].toSorted((a = '', b = '') => a.localeCompare(b)),
    Object.keys(volumes).toSorted(),
  )
  for (const { environment } of nodes)
    for (const name of Object.keys(environment ?? {})) assert.ok(settings.includes(name), `${name} is a setting`)
})

test('what runs in production needs no development dependency', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const packageOf = (specifier: string): string =>
    specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/')
  const foreign = sources
    .filter((path) => !/^src\/(?:inbox|chat)\//.test(path))
    .flatMap((path) => importsOf(read(path)).values.map((specifier) => ({ path, name: packageOf(specifier) })))
    .filter(({ name }) => !/^(?:\.|#|node:)/.test(name) && dependencies[name] === undefined)
  assert.deepEqual(foreign, [])
})
