// The file store: bytes of attachments under ids of ours, written once, read in ranges, never shared by two contacts.
// Between uploads, fetched media and downloads; with the site's secret the only durable thing beside the log.

import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfabError, hasCode } from '#errors'
import { isId } from '#schemas/log'

export interface StoredFile {
  readonly fileId: string
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
  /** Sniffed from the bytes; `application/octet-stream` where they tell nothing and the claim is not a plain text. */
  readonly contentType: string
}

export interface Range {
  readonly start: number
  /** Inclusive, as in HTTP. */
  readonly end: number
}

/** The port; an S3-compatible bucket is another form of it. */
export interface FileStore {
  /**
   * Writes bytes under an id; the same id again replaces them whole. Durable when resolved.
   * Throws `file_too_large` beyond `sizeBytesMax`, `file_empty` for none; nothing is kept then.
   */
  write(
    fileId: string,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly sizeBytesMax: number; readonly claimedType: string },
  ): Promise<StoredFile>
  /** Size in bytes, or undefined where there is no such file. */
  size(fileId: string): Promise<number | undefined>
  /** Throws `file_not_found`. */
  read(fileId: string, range?: Range): Promise<AsyncIterable<Uint8Array>>
  /** That there is no such file is no fault. */
  remove(fileId: string): Promise<void>
  /** Every file there is, by its id, in no order. */
  list(): AsyncIterable<string>
}

/** What file-type needs to see at most. */
const SNIFF_BYTES = 4100
/** Types that browsers run: kept as a plain download whatever they claim. */
const ACTIVE = /^(?:text\/html|text\/xml|image\/svg|application\/(?:xhtml|xml|javascript)|text\/javascript)/i

/** By the bytes; a claim counts only for what has no signature and cannot run: plain text and its kin. */
export const sniff = async (head: Uint8Array, claimedType: string): Promise<string> => {
  const { fileTypeFromBuffer } = await import('file-type')
  const found = await fileTypeFromBuffer(head)
  if (found !== undefined) return ACTIVE.test(found.mime) ? 'application/octet-stream' : found.mime
  const claimed = claimedType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isText = /^text\/[a-z0-9.+-]{1,60}$/.test(claimed) && !ACTIVE.test(claimed) && !head.includes(0)
  return isText ? claimed : 'application/octet-stream'
}

interface Digest {
  readonly sizeBytes: number
  readonly sha256: string
  readonly head: Buffer
}

const pour = async (bytes: AsyncIterable<Uint8Array>, file: FileHandle, sizeBytesMax: number): Promise<Digest> => {
  try {
    return await copy(bytes, file, sizeBytesMax)
  } finally {
    await file.close()
  }
}

const copy = async (bytes: AsyncIterable<Uint8Array>, file: FileHandle, sizeBytesMax: number): Promise<Digest> => {
  const hash = createHash('sha256')
  const head: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of bytes) {
    if (sizeBytes < SNIFF_BYTES) head.push(chunk.slice(0, SNIFF_BYTES - sizeBytes))
    sizeBytes += chunk.length
    if (sizeBytes > sizeBytesMax) throw new ConfabError('file_too_large', { fields: { sizeBytesMax } })
    hash.update(chunk)
    await file.writeFile(chunk)
  }
  if (sizeBytes === 0) throw new ConfabError('file_empty')
  await file.sync()
  return { sizeBytes, sha256: hash.digest('hex'), head: Buffer.concat(head) }
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

class DirectoryStore implements FileStore {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Two levels of 256 keep directories small; an id is checked, since it becomes a path. */
  #pathOf(fileId: string): string {
    if (!isId(fileId)) throw new ConfabError('file_not_found')
    return join(this.#root, fileId.slice(0, 2), fileId.slice(2, 4), fileId)
  }

  async write(
    fileId: string,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly sizeBytesMax: number; readonly claimedType: string },
  ): Promise<StoredFile> {
    const path = this.#pathOf(fileId)
    const temporary = join(this.#root, 'incoming', `${fileId}.${randomBytes(8).toString('hex')}`)
    const file = await open(temporary, 'wx', 0o600)
    try {
      const { sizeBytes, sha256, head } = await pour(bytes, file, options.sizeBytesMax)
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await rename(temporary, path)
      await syncDirectory(dirname(path))
      // A new directory's own name must be durable too.
      if (made !== undefined) for (const above of [dirname(dirname(path)), this.#root]) await syncDirectory(above)
      return { fileId, sizeBytes, sha256, contentType: await sniff(head, options.claimedType) }
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  async size(fileId: string): Promise<number | undefined> {
    try {
      return (await stat(this.#pathOf(fileId))).size
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || hasCode(error, 'file_not_found')) return undefined
      throw error
    }
  }

  async read(fileId: string, range?: Range): Promise<AsyncIterable<Uint8Array>> {
    const path = this.#pathOf(fileId)
    if ((await this.size(fileId)) === undefined) throw new ConfabError('file_not_found')
    return createReadStream(path, range === undefined ? {} : { start: range.start, end: range.end })
  }

  async remove(fileId: string): Promise<void> {
    await rm(this.#pathOf(fileId), { force: true })
  }

  async *list(): AsyncGenerator<string, void, undefined> {
    for (const entry of await readdir(this.#root, { recursive: true, withFileTypes: true }))
      if (entry.isFile() && isId(entry.name)) yield entry.name
  }
}

/** Opens the directory form; half-written files of an earlier run are removed. */
export const openFiles = async (directory: string): Promise<FileStore> => {
  const incoming = join(directory, 'incoming')
  await mkdir(incoming, { recursive: true, mode: 0o700 })
  for (const name of await readdir(incoming)) await rm(join(incoming, name), { force: true })
  return new DirectoryStore(directory)
}
