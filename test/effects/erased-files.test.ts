// Erasing takes the bytes of attachments along, not only the words that name them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredRecord } from '#log'
import { derivePlain, encode, keys, messageRow, type Attachment, type MessageRow } from '#schemas/log'
import { openErasedFiles } from '../../src/effects/erased-files.ts'

const id = (name: string): string => derivePlain('setting', ['erased-files', name])
const file = (fileId: string | null): Attachment => ({
  kind: 'image',
  fileId,
  state: fileId === null ? 'failed' : 'ready',
  sourceUrl: null,
  name: null,
  contentType: 'image/png',
  sizeBytes: 1,
  sha256: null,
})

const rowOf = (attachments: Attachment[] | null): MessageRow => ({
  messageId: id('message'),
  conversationId: id('conversation'),
  organizationId: id('organization'),
  seq: 1,
  contactSeq: 1,
  direction: 'in',
  kind: 'media',
  author: { kind: 'contact', id: id('contact') },
  orderAt: 1,
  at: 1,
  receivedAt: 1,
  send: null,
  replyTo: null,
  edits: 0,
  isDeleted: false,
  isErased: attachments === null,
  contents: [],
  content:
    attachments === null
      ? null
      : {
          kind: 'media',
          text: null,
          attachments,
          location: null,
          answer: null,
          template: null,
          native: null,
          providerMessageId: null,
          providerEventId: null,
          clientKey: null,
        },
  commandId: id('command'),
  bodyHash: '',
  reactions: [],
  mentions: [],
  sendAt: null,
})

test('removes the files that the rows of the erased messages name, and asks for no others', async () => {
  const rows = new Map<string, MessageRow>([
    ['one', rowOf([file(id('a')), file(null), file(id('b'))])],
    ['gone', rowOf(null)],
  ])
  const asked: string[] = []
  const latest = (_topic: string, _partition: number, wanted: readonly string[]): Promise<(StoredRecord | null)[]> => {
    asked.push(...wanted)
    return Promise.resolve(
      wanted.map((key) => {
        const row = rows.get(key.split('/')[1] ?? '')
        return row === undefined ? null : { key, value: encode(messageRow, row), headers: {}, time: 1, offset: 0 }
      }),
    )
  }
  const removed: string[] = []
  const removeFiles = openErasedFiles({ latest }, { remove: (fileId) => Promise.resolve(void removed.push(fileId)) })
  await removeFiles(id('conversation'), ['one', 'gone', 'never'])
  assert.deepEqual(removed, [id('a'), id('b')])
  assert.deepEqual(
    asked,
    ['one', 'gone', 'never'].map((messageId) => keys.message(id('conversation'), messageId)),
  )
})
