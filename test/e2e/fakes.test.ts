// `confab simulate` and `confab fake` together, as somebody without any provider's account would try Confab: every answer ends, once.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Conversation, Message } from '#schemas'
import { freePort, removeDirectory, startServer, temporaryDirectory, until } from '../harness.ts'

const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'cli', 'confab.ts')

test('customers on every channel are answered through fakes that fail, and every answer has one end', async (t) => {
  const [dataDirectory, port] = [await temporaryDirectory(), await freePort()]
  const environment = { ...process.env, CONFAB_DATA_DIR: dataDirectory, CONFAB_PORT: String(port) }
  const faults = ['--port', '0', '--failures', '0.2', '--duplicates', '0.5']
  const fake = spawn(process.execPath, [ENTRY, 'fake', ...faults], { env: environment })
  let said = ''
  fake.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  t.after(() => fake.kill())
  await until('the fakes listen', () => said.includes('simulate'))
  const urlOf = (name: string): string => new RegExp(`${name}[=:] ?(http\\S+)`).exec(said)?.[1] ?? assert.fail(name)
  const server = await startServer({
    dataDirectory,
    port,
    environment: {
      CONFAB_GRAPH_API_URL: urlOf('CONFAB_GRAPH_API_URL'),
      CONFAB_TWILIO_API_URL: urlOf('CONFAB_TWILIO_API_URL'),
      CONFAB_EGRESS_ALLOW: '127.0.0.0/8',
    },
  })
  t.after(async () => {
    await server.stop()
    await removeDirectory(dataDirectory)
  })
  const simulate = spawn(process.execPath, [ENTRY, 'simulate', '--channel', 'all', '--count', '15', '--rate', '50', '--people', '15'], {
    env: environment,
  })
  const [code] = (await once(simulate, 'close')) as [number]
  assert.equal(code, 0)
  const { items: accounts } = await server.api<{ items: { id: string; channel: string }[] }>('/v1/accounts')
  const custom = accounts.find(({ channel }) => channel === 'custom') ?? assert.fail('no connector')
  await server.api(`/v1/accounts/${custom.id}`, { method: 'PATCH', body: { options: { sendUrl: urlOf('sendUrl of a custom account') } } })
  const conversations = await until('all are there', async () => {
    const { items } = await server.api<{ items: Conversation[] }>('/v1/conversations?limit=100')
    return items.length === 15 && items
  })
  assert.equal(new Set(conversations.map(({ channel }) => channel)).size, 5)
  for (const { id } of conversations) await server.api(`/v1/conversations/${id}/messages`, { body: { text: `answer to ${id}` } })
  const ends = new Set(['read', 'unknown'])
  for (const { id, channel } of conversations) {
    const messages = await until(`the answer in ${id} has its end`, async () => {
      const { items } = await server.api<{ items: Message[] }>(`/v1/conversations/${id}/messages`)
      return items.some(({ send }) => send !== null && ends.has(send.state)) && items
    })
    const ours = messages.filter(({ direction }) => direction === 'out')
    const isOpen = ours.some(({ send }) => send?.state === 'unknown')
    // Instagram's echo carries none of our ids: beside a send of unknown fate it stands as the provider's own, for people to judge.
    const own = channel === 'instagram' && isOpen ? ours.filter(({ author }) => author.kind !== 'provider') : ours
    assert.equal(own.length, 1)
  }
})
