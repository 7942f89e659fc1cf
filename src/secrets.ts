// The site's secret and what is derived from it: sealing of credentials and cursors, texts of tokens, keys of JWTs.
// Between the one file that must be backed up beside the log and everything that must not be readable in it.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfabError } from '#errors'

/** What a key is for; each purpose has a key of its own. */
export type Purpose = 'credentials' | 'id-key' | 'cursor' | 'vector' | 'page' | 'token' | 'jwt' | 'files' | 'visitor' | 'archive' | 'node'

export interface Secrets {
  /** 32 bytes of HKDF-SHA256 (RFC 5869) for a purpose. */
  key(purpose: Purpose): Buffer
  /** AES-256-GCM: nonce (12), tag (16), ciphertext. `bound` is authenticated, not stored: what the sealed bytes belong to. */
  seal(purpose: Purpose, bytes: Uint8Array, bound: string): Buffer
  /** Throws `secret_mismatch` when the site's secret or `bound` differs. */
  open(purpose: Purpose, sealed: Uint8Array, bound: string): Buffer
  /** The text of a token made by a command: the same for a repeat, never stored. */
  tokenText(prefix: string, commandId: string): string
}

const SECRET_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Reads the secret's file, making it (mode 0600) where there is none and nothing has been written under one. Throws `secret_unreadable`
 * naming the path.
 */
export const loadSecret = (path: string, { mayMake = true }: { readonly mayMake?: boolean } = {}): Buffer => {
  try {
    if (!existsSync(path)) {
      if (!mayMake) throw new Error('it is missing, and the log was written under one; restore it from the backup')
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `${randomBytes(SECRET_BYTES).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
      chmodSync(path, 0o600)
    }
    const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
    if (secret.length < SECRET_BYTES) throw new Error(`holds ${secret.length} bytes, not ${SECRET_BYTES}`)
    return secret
  } catch (cause) {
    throw new ConfabError('secret_unreadable', {
      detail: `CONFAB_SECRET_FILE is ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    })
  }
}

export const openSecrets = (secret: Buffer): Secrets => {
  const keys = new Map<Purpose, Buffer>()
  const key = (purpose: Purpose): Buffer => {
    const known = keys.get(purpose)
    if (known !== undefined) return known
    const made = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `confab/${purpose}`, 32))
    keys.set(purpose, made)
    return made
  }
  return {
    key,
    seal(purpose, bytes, bound) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key(purpose), nonce).setAAD(Buffer.from(bound))
      const body = Buffer.concat([cipher.update(bytes), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(purpose, sealed, bound) {
      try {
        const bytes = Buffer.from(sealed)
        const decipher = createDecipheriv('aes-256-gcm', key(purpose), bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(bound))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
      } catch (cause) {
        throw new ConfabError('secret_mismatch', { cause })
      }
    },
    tokenText: (prefix, commandId) => `${prefix}_${createHmac('sha256', key('token')).update(commandId).digest('base64url')}`,
  }
}

/** How tokens and session secrets are stored. */
export const hashToken = (text: string): string => createHash('sha256').update(text).digest('hex')

const SCRYPT = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1_048_576 } as const

const derive = (password: string, salt: Buffer, options: { N: number; r: number; p: number; maxmem: number }): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password.normalize('NFKC'), salt, 32, options, (error, hash) => (error === null ? resolve(hash) : reject(error))),
  )

/** scrypt (RFC 7914), as `scrypt$N$r$p$salt$hash`. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, SCRYPT)
  return ['scrypt', SCRYPT.N, SCRYPT.r, SCRYPT.p, salt.toString('base64'), hash.toString('base64')].join('$')
}

export const verifyPassword = async (password: string, stored: string): Promise<boolean> => {
  const [name, N, r, p, salt, hash] = stored.split('$')
  if (name !== 'scrypt' || salt === undefined || hash === undefined) return false
  const expected = Buffer.from(hash, 'base64')
  const actual = await derive(password, Buffer.from(salt, 'base64'), { N: Number(N), r: Number(r), p: Number(p), maxmem: SCRYPT.maxmem })
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
