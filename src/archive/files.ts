// The bytes of attachments, copied by their ids with a hash each; what is there already is not copied again.
// Between the file stores of two sites and the `files` folder of an archive.

import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileStore } from '#effects'
import { ConfabError } from '#errors'
import type { ExportOptions } from './export.ts'
import type { ArchivedFile } from './manifest.ts'

const FOLDER = 'files'

const pathOf = (directory: string, fileId: string): string => join(directory, FOLDER, fileId.slice(0, 2), fileId)

async function* hashed(
  bytes: AsyncIterable<Uint8Array>,
  onEnd: (facts: { sizeBytes: number; sha256: string }) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of bytes) {
    hash.update(chunk)
    sizeBytes += chunk.length
    yield chunk
  }
  onEnd({ sizeBytes, sha256: hash.digest('hex') })
}

const drain = async (bytes: AsyncIterable<Uint8Array>): Promise<Omit<ArchivedFile, 'fileId'>> => {
  let facts = { sizeBytes: 0, sha256: '' }
  for await (const _chunk of hashed(bytes, (end) => (facts = end))) continue
  return facts
}

const copyOut = async (store: Pick<FileStore, 'read'>, fileId: string, path: string): Promise<Omit<ArchivedFile, 'fileId'>> => {
  let facts = { sizeBytes: 0, sha256: '' }
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
  const file = await open(`${path}.part`, 'w', 0o600)
  try {
    for await (const chunk of hashed(await store.read(fileId), (end) => (facts = end))) await file.writeFile(chunk)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
  return facts
}

/** Copies every file of the site; files are written once under their id, so a copy of the same size is the file. */
export const exportFiles = async ({
  files,
  directory,
  onProgress,
}: Pick<ExportOptions, 'files' | 'directory' | 'onProgress'>): Promise<readonly ArchivedFile[]> => {
  const copied: ArchivedFile[] = []
  for await (const fileId of files.list()) {
    onProgress({ phase: 'files', what: fileId, done: copied.length, total: copied.length })
    const path = pathOf(directory, fileId)
    const isThere = existsSync(path) && statSync(path).size === (await files.size(fileId))
    copied.push({ fileId, ...(isThere ? await drain(createReadStream(path)) : await copyOut(files, fileId, path)) })
  }
  return copied
}

const damaged = (fileId: string, why: string): ConfabError => {
  const file = join(FOLDER, fileId.slice(0, 2), fileId)
  return new ConfabError('archive_damaged', { detail: `It is ${file}: ${why}.`, fields: { file } })
}

/** Throws `archive_damaged` naming the first file that is missing or altered. */
export const checkFiles = async (directory: string, files: readonly ArchivedFile[]): Promise<void> => {
  for (const { fileId, sha256 } of files) {
    const path = pathOf(directory, fileId)
    if (!existsSync(path)) throw damaged(fileId, 'it is missing')
    if ((await drain(createReadStream(path))).sha256 !== sha256) throw damaged(fileId, 'its SHA-256 is not the one it was written with')
  }
}

/** Copies what the site lacks. Answers how many. */
export const importFiles = async (
  store: Pick<FileStore, 'size' | 'write'>,
  files: readonly ArchivedFile[],
  { directory, onDone }: { readonly directory: string; readonly onDone: (done: number) => void },
): Promise<number> => {
  let copied = 0
  for (const [index, { fileId, sizeBytes }] of files.entries()) {
    onDone(index)
    if ((await store.size(fileId)) === sizeBytes) continue
    await store.write(fileId, createReadStream(pathOf(directory, fileId)), {
      sizeBytesMax: sizeBytes,
      claimedType: 'application/octet-stream',
    })
    copied++
  }
  return copied
}
