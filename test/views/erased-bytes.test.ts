// Erased means gone from the files: views, their index of words, and the log hold no byte of it once they have been tidied.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openSite, until, type Site } from './site.ts'
import { ACCOUNT, idOf, profileOf } from './world.ts'

const WORD = 'Xylograbatz'
const NAME = 'Quirkelmann'
/** In a file as it was written, folded, or as part of a term. */
const wanted = [WORD, WORD.toLowerCase(), 'ylograbatz', NAME, NAME.toLowerCase(), 'uirkelmann']

const filesIn = (directory: string): string[] => readdirSync(directory).map((name) => join(directory, name))

const holding = (files: readonly string[]): string[] =>
  files.flatMap((file) => {
    const bytes = readFileSync(file)
    return wanted.filter((word) => bytes.includes(word)).map((word) => `${file.split('/').at(-1)}: ${word}`)
  })

const isPurged = (site: Site): boolean => {
  const file = filesIn(site.directory).find((path) => /search-\w+\.db$/.test(path)) ?? ''
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare("SELECT 1 FROM state WHERE name = 'purge'").get() === undefined
  } finally {
    database.close()
  }
}

test('after erasing and tidying up, no file of the views holds an erased word or name', async (context) => {
  const site = await openSite(context)
  const { world } = site
  for (let index = 0; index < 30; index++) {
    world.create(`other${index}`)
    world.receive(`other${index}`, `o${index}`, `words that stay, number ${index}`)
    if (index % 10 === 0) await site.settle()
  }
  const id = world.create('anna')
  const contactId = idOf('contact anna')
  world.contact('anna', 'contact.created', { accountId: ACCOUNT, channel: 'twilio', conversationId: id }, { contents: [profileOf(NAME)] })
  for (let index = 0; index < 40; index++) world.receive('anna', `m${index}`, `${WORD} said ${NAME} ${'at length '.repeat(40)}`)
  world.note('anna', 'note', `about ${WORD}`)
  await site.settle()
  await site.reopen()
  assert.notDeepEqual(holding(filesIn(site.directory)), [], 'it was there before')
  const { upToSeq } = world.erase('anna')
  world.contact('anna', 'contact.erased', { upToSeq: 1, generation: 2 })
  await site.settle()
  world.tombstone(contactId, [{ seq: 1, n: 0 }], 'contact-events')
  world.tombstone(
    id,
    Array.from({ length: upToSeq }, (_, index) => ({ seq: index + 1, n: 0 })),
  )
  world.tombstone(id, [{ seq: 1, n: 1 }])
  await site.settle()
  await until(() => isPurged(site), 'the words are purged')
  // A clean stop checkpoints; a running server writes over its journal as it goes on.
  await site.views.close()
  assert.deepEqual(holding(filesIn(site.directory)), [])
  await site.reopen()
})
