// What the file store knows of a file beside its bytes: whose it is, its name and type, in a small file of its own.
// Between uploads and fetched media, which write both, and downloads and sends, which must know who may have them.

import type { Readable } from 'node:stream'
import { Readable as Stream } from 'node:stream'
import type { Grants } from '#schemas'
import { hasCode } from '#errors'
import { derivePlain, type Attachment } from '#schemas/log'
import type { FileStore } from './files.ts'

/** Metadata as JSON, under an id derived from the file's: durable before the file counts as there. */
interface Description {
  readonly organizationId: string
  /** The principal who uploaded it, or the conversation that it came in by. */
  readonly ownerId: string
  readonly name: string | null
  readonly contentType: string
  readonly sizeBytes: number
  readonly sha256: string
}

export interface Uploads {
  /** Streams the bytes in and describes them. Throws as `FileStore.write`. */
  store(file: {
    readonly organizationId: string
    readonly ownerId: string
    readonly bytes: AsyncIterable<Uint8Array>
    readonly name: string | null
    readonly contentType: string
    readonly bytesMax: number
    /** Drawn where none is given. */
    readonly fileId?: string
  }): Promise<Attachment & { fileId: string }>
  /** An upload that the principal may send: their organization's, a visitor's only their own. null where there is none. */
  find(grants: Pick<Grants, 'organizationId' | 'kind' | 'id'>, fileId: string): Promise<Attachment | null>
  /** Removes the bytes and what is known of them. That there is no such file is no fault. */
  remove(fileId: string): Promise<void>
  /** null where the organization has no such file. */
  open(
    organizationId: string,
    fileId: string,
  ): Promise<{
    readonly file: { fileId: string; contentType: string; name: string | null; sizeBytes: number }
    readonly bytes: Readable
  } | null>
}

const DESCRIPTION_BYTES_MAX = 8192
const NAME_LENGTH_MAX = 200

const descriptionId = (fileId: string): string => derivePlain('file', [fileId, 'description'])

const kindOf = (contentType: string): Attachment['kind'] => {
  const [family] = contentType.split('/')
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'file'
}

/** A name without path and control characters: it ends up in headers and on disks of others. */
const cleanName = (name: string | null): string | null => {
  const clean = (name ?? '')
    .replaceAll(/[\p{Cc}"\\/]/gu, '_')
    .trim()
    .slice(0, NAME_LENGTH_MAX)
  return clean === '' ? null : clean
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

class DescribedFiles implements Uploads {
  readonly #files: FileStore
  readonly #drawId: () => string

  constructor(files: FileStore, drawId: () => string) {
    this.#files = files
    this.#drawId = drawId
  }

  async store(file: Parameters<Uploads['store']>[0]): ReturnType<Uploads['store']> {
    const fileId = file.fileId ?? derivePlain('file', [file.organizationId, this.#drawId()])
    const stored = await this.#files.write(fileId, file.bytes, { sizeBytesMax: file.bytesMax, claimedType: file.contentType })
    const { organizationId, ownerId } = file
    const name = cleanName(file.name)
    const description: Description = {
      organizationId,
      ownerId,
      name,
      contentType: stored.contentType,
      sizeBytes: stored.sizeBytes,
      sha256: stored.sha256,
    }
    await this.#files.write(descriptionId(fileId), once(Buffer.from(JSON.stringify(description))), {
      sizeBytesMax: DESCRIPTION_BYTES_MAX,
      claimedType: 'text/plain',
    })
    return attachmentOf(fileId, description)
  }

  async find(grants: Pick<Grants, 'organizationId' | 'kind' | 'id'>, fileId: string): Promise<Attachment | null> {
    const description = await this.#describe(fileId)
    if (description === null || description.organizationId !== grants.organizationId) return null
    if (grants.kind === 'contact' && description.ownerId !== grants.id) return null
    return attachmentOf(fileId, description)
  }

  async remove(fileId: string): Promise<void> {
    await this.#files.remove(fileId)
    await this.#files.remove(descriptionId(fileId))
  }

  async open(organizationId: string, fileId: string): ReturnType<Uploads['open']> {
    const description = await this.#describe(fileId)
    if (description === null || description.organizationId !== organizationId) return null
    const { contentType, name, sizeBytes } = description
    return { file: { fileId, contentType, name, sizeBytes }, bytes: Stream.from(await this.#files.read(fileId)) }
  }

  async #describe(fileId: string): Promise<Description | null> {
    try {
      const chunks: Uint8Array[] = []
      for await (const chunk of await this.#files.read(descriptionId(fileId))) chunks.push(chunk)
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Description
    } catch (error) {
      if (hasCode(error, 'file_not_found')) return null
      throw error
    }
  }
}

const attachmentOf = (fileId: string, { name, contentType, sizeBytes, sha256 }: Description): Attachment & { fileId: string } => ({
  kind: kindOf(contentType),
  fileId,
  state: 'ready',
  sourceUrl: null,
  name,
  contentType,
  sizeBytes,
  sha256,
})

/** `drawId`: random hex, which makes a new file's id. */
export const openUploads = (files: FileStore, drawId: () => string): Uploads => new DescribedFiles(files, drawId)
