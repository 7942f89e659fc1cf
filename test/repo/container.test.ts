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
  const compose = parse(read('docker-compose.yml')) as { services: { confab: { environment: object } } }
  const set = [...Object.keys(environmentOf(image)), ...Object.keys(compose.services.confab.environment)]
  assert.deepEqual(
    set.filter((name) => name !== 'NODE_ENV' && !settings.includes(name)),
    [],
  )
})

test('the compose file is one service over one named volume, and gives it time to stop', () => {
  const compose = parse(read('docker-compose.yml')) as {
    services: Record<string, { build: string; ports: string[]; volumes: string[]; stop_grace_period: string }>
    volumes: Record<string, null>
  }
  assert.deepEqual(Object.keys(compose).toSorted(), ['services', 'volumes'])
  assert.deepEqual(Object.keys(compose.services), ['confab'])
  const { confab } = compose.services
  assert.equal(confab?.build, '.')
  assert.deepEqual(confab.volumes, ['data:/data'])
  assert.deepEqual(Object.keys(compose.volumes), ['data'])
  assert.match(confab.ports[0] ?? '', /:8080$/)
  assert.equal(confab.stop_grace_period, '15s')
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
