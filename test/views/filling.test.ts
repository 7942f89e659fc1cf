// A first filling: its indexes come at the end, and what it holds is what a live view holds.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Message } from '#schemas'
import { ViewFile } from '../../src/views/file.ts'
import { emptyPositions, rowsLayout } from '../../src/views/layout.ts'
import { MessageTable } from '../../src/views/rows/messages.ts'
import { RecentMessages } from '../../src/views/rows/recent.ts'
import { idOf } from './world.ts'

const messageOf = (index: number): Message => ({
  id: idOf(`message ${index}`),
  conversationId: idOf('conversation'),
  seq: index,
  contactSeq: index,
  orderAt: '2026-01-01T00:00:00.000Z',
  direction: 'in',
  author: { kind: 'contact', id: null },
  content: null,
  at: '2026-01-01T00:00:00.000Z',
  receivedAt: null,
  providerMessageId: null,
  replyTo: null,
  send: null,
  edits: 0,
  isDeleted: false,
  isErased: false,
})

test('a first filling finds a message that memory has forgotten, and goes on with the index it made for it', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'confab-filling-'))
  const positions = { starts: emptyPositions(1), ends: emptyPositions(1) }
  const file = ViewFile.open(rowsLayout, { file: join(directory, 'views.db'), logId: 'log', partitions: 1, ...positions })
  context.after(() => {
    file.close()
    rmSync(directory, { recursive: true })
  })
  assert.equal(file.isBuilding, true)
  const write = (table: MessageTable, from: number): void =>
    file.commit(() => {
      for (let index = from; index < from + 40; index++) table.create(messageOf(index), 7, index)
      table.flush()
    })
  write(new MessageTable(file), 1)
  const forgetful = new MessageTable(file)
  assert.equal(forgetful.get(idOf('message 23'))?.contentSeq, 23)
  write(forgetful, 41)
  assert.equal(forgetful.get(idOf('nobody')), undefined)
  file.finishBuilding(() => forgetful.flush())
  const served = new MessageTable(file)
  for (const index of [1, 16, 17, 40, 41, 80]) assert.equal(served.get(idOf(`message ${index}`))?.row.seq, index)
})

test('messages written last are remembered, those of long ago are not', () => {
  const recent = new RecentMessages()
  for (let index = 1; index < 270_000; index++) recent.set(index * 4_294_967_295, index)
  assert.equal(recent.get(269_999 * 4_294_967_295), 269_999)
  assert.equal(recent.get(140_000 * 4_294_967_295), 140_000)
  assert.equal(recent.get(1 * 4_294_967_295), undefined)
  assert.equal(recent.get(0), undefined)
  recent.set(269_999 * 4_294_967_295, 7)
  assert.equal(recent.get(269_999 * 4_294_967_295), 7)
})
