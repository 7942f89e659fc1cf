// The manifest: what an archive holds, where it came from and what its secrets are sealed under, itself sealed against change.
// Between an archive's directory and export and import; without it a directory is an export that was cut off.

import { createHmac, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfabError } from '#errors'
import { openSecrets, type Secrets } from '#secrets'
import { writeWhole, type Segment } from './segments.ts'

const MANIFEST_FILE = 'manifest.json'
const FORMAT = 1
const PASSPHRASE_LENGTH_MIN = 12
/** scrypt (RFC 7914): about a tenth of a second, 64 MB. */
const SCRYPT = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1_048_576 } as const

/** What is secret in an archive is sealed under: a passphrase, or the secret of the site that it goes to. */
export type Sealing = { readonly kind: 'passphrase'; readonly salt: string } | { readonly kind: 'secret' }

export interface ArchivedFile {
  readonly fileId: string
  readonly sizeBytes: number
  /** Hex. */
  readonly sha256: string
}

/** Erased in the site it came from: nothing of the subject up to this seq may come back. */
export interface Erasure {
  readonly kind: 'conversation' | 'contact'
  readonly id: string
  readonly organizationId: string
  readonly upToSeq: number
}

export interface Manifest {
  readonly format: typeof FORMAT
  /** `Log.id` of the site it came from. */
  readonly site: string
  /** Names this archive. */
  readonly id: string
  readonly createdAt: string
  readonly sealing: Sealing
  readonly segments: readonly Segment[]
  readonly files: readonly ArchivedFile[]
  readonly erasures: readonly Erasure[]
  /** The owner's token file, sealed; null where the site had none. */
  readonly adminToken: string | null
}

/** How an archive's secrets are opened. */
export type Key = { readonly passphrase: string } | { readonly secret: Buffer }

export const newSealing = (key: Key): Sealing =>
  'passphrase' in key ? { kind: 'passphrase', salt: randomBytes(16).toString('base64') } : { kind: 'secret' }

/** The keys of an archive. Throws `option_invalid` where a passphrase is missing or short. */
export const archiveSecrets = (sealing: Sealing, key: Key): Secrets => {
  if (sealing.kind === 'secret') {
    if ('secret' in key) return openSecrets(key.secret)
    throw new ConfabError('option_invalid', { detail: "The archive is sealed under this site's secret; give no passphrase." })
  }
  if (!('passphrase' in key))
    throw new ConfabError('option_invalid', { detail: 'The archive is sealed under a passphrase; give --passphrase-file.' })
  if (key.passphrase.length < PASSPHRASE_LENGTH_MIN)
    throw new ConfabError('option_invalid', { detail: `A passphrase has ${PASSPHRASE_LENGTH_MIN} characters or more.` })
  return openSecrets(scryptSync(key.passphrase.normalize('NFKC'), Buffer.from(sealing.salt, 'base64'), 32, SCRYPT))
}

const macOf = (text: string, secrets: Secrets): Buffer => createHmac('sha256', secrets.key('archive')).update(text).digest()

/** Writes the manifest last of all: from then on the archive is whole. */
export const writeManifest = (directory: string, manifest: Manifest, secrets: Secrets): void => {
  const text = JSON.stringify(manifest)
  const mac = macOf(text, secrets).toString('hex')
  writeWhole(join(directory, MANIFEST_FILE), Buffer.from(`${JSON.stringify({ mac, manifest: text })}\n`))
}

/** undefined where there is none. */
export const readManifestText = (directory: string): string | undefined => {
  try {
    return readFileSync(join(directory, MANIFEST_FILE), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const unreadable = (why: string, cause?: unknown): ConfabError =>
  new ConfabError('archive_damaged', { detail: `It is ${MANIFEST_FILE}: ${why}.`, fields: { file: MANIFEST_FILE }, cause })

const parsed = (text: string): { mac: string; text: string; manifest: Manifest } => {
  try {
    const outer = JSON.parse(text) as { mac: string; manifest: string }
    return { mac: outer.mac, text: outer.manifest, manifest: JSON.parse(outer.manifest) as Manifest }
  } catch (cause) {
    throw unreadable('it cannot be read', cause)
  }
}

/** Opens an archive. Throws `archive_unfinished`, `archive_damaged`, `secret_mismatch` where the passphrase or secret is another. */
export const openManifest = (directory: string, keyOf: (sealing: Sealing) => Key): { manifest: Manifest; secrets: Secrets } => {
  const found = readManifestText(directory)
  if (found === undefined) throw new ConfabError('archive_unfinished', { detail: `It is ${directory}.`, fields: { directory } })
  const { mac, text, manifest } = parsed(found)
  if (manifest.format !== FORMAT)
    throw new ConfabError('archive_unfinished', { detail: `Its format is ${String(manifest.format)}, not ${String(FORMAT)}.` })
  const secrets = archiveSecrets(manifest.sealing, keyOf(manifest.sealing))
  const given = Buffer.from(mac, 'hex')
  const right = macOf(text, secrets)
  if (given.length === right.length && timingSafeEqual(given, right)) return { manifest, secrets }
  const what = manifest.sealing.kind === 'passphrase' ? 'the passphrase' : 'the secret (CONFAB_SECRET_FILE) it was sealed for'
  throw unreadable(`it was altered, or ${what} is another`)
}
