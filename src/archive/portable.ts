// Values as they may leave a site: under our own schema ids, with secrets sealed anew for where they go.
// Between the log's bytes and a segment, both ways: an import seals anew under the secret of its own site.

import {
  accountSetting,
  commandRecords,
  decode,
  deadLetter,
  effectTell,
  encode,
  organizationSetting,
  recordTypeIn,
  withOwnId,
  withWrittenId,
  type Command,
} from '#schemas/log'
import type { StoredRecord } from '#log'
import type { Secrets } from '#secrets'
import type { Topic } from '#topics'

/** Opens under one site's secret and seals under another's. */
export interface Reseal {
  readonly from: Secrets
  readonly to: Secrets
}

const resealed = ({ from, to }: Reseal, purpose: 'id-key' | 'credentials', sealed: Uint8Array, bound: string): Buffer =>
  to.seal(purpose, from.open(purpose, sealed, bound), bound)

const resealOrganization = (value: Uint8Array, reseal: Reseal): Uint8Array => {
  const organization = decode(organizationSetting, value)
  return encode(organizationSetting, {
    ...organization,
    sealedIdKey: resealed(reseal, 'id-key', organization.sealedIdKey, organization.id),
  })
}

const resealAccount = (value: Uint8Array, reseal: Reseal): Uint8Array => {
  const account = decode(accountSetting, value)
  if (account.sealedCredentials === null) return value
  return encode(accountSetting, {
    ...account,
    sealedCredentials: resealed(reseal, 'credentials', account.sealedCredentials, account.id),
  })
}

/** A wish about a setting that nobody has decided yet carries sealed bytes as base64 within its JSON. */
const resealWish = (value: Uint8Array, reseal: Reseal): Uint8Array => {
  const shape = commandRecords['setting.write']
  const command = decode(shape, value) as Command<'setting.write'>
  const fields = JSON.parse(command.data.json) as { sealedIdKey?: string | null; sealedCredentials?: string | null }
  const { entityId } = command.data
  const again = (purpose: 'id-key' | 'credentials', sealed: string): string =>
    resealed(reseal, purpose, Buffer.from(sealed, 'base64'), entityId).toString('base64')
  if (typeof fields.sealedIdKey === 'string') fields.sealedIdKey = again('id-key', fields.sealedIdKey)
  if (typeof fields.sealedCredentials === 'string') fields.sealedCredentials = again('credentials', fields.sealedCredentials)
  return encode(shape, { ...command, data: { ...command.data, json: JSON.stringify(fields) } })
}

const portableCommand = (value: Uint8Array, type: string | undefined, reseal: Reseal): Uint8Array =>
  type === 'setting.write' ? resealWish(value, reseal) : value

/** A dead letter holds a whole record of its own, which may be none that this version can read. */
const portableLetter = (value: Uint8Array, reseal: Reseal): Uint8Array => {
  const letter = decode(deadLetter, value)
  const bytes = withOwnId(letter.bytes)
  let type: string | undefined
  try {
    type = recordTypeIn(bytes)
  } catch {
    return encode(deadLetter, { ...letter, bytes: Buffer.from(bytes) })
  }
  return encode(deadLetter, { ...letter, bytes: Buffer.from(withOwnId(portableCommand(bytes, type, reseal))) })
}

const changed = (topic: Topic, { headers, value }: StoredRecord & { readonly value: Uint8Array }, reseal: Reseal): Uint8Array => {
  const type = headers['type']
  if (topic === 'config') {
    if (type === 'organization') return resealOrganization(value, reseal)
    return type === 'account' ? resealAccount(value, reseal) : value
  }
  if (topic === 'commands') return portableCommand(value, type, reseal)
  if (topic === 'dead-letters') return portableLetter(value, reseal)
  if (topic === 'outbox' && type === 'tell') {
    const tell = decode(effectTell, value)
    return encode(effectTell, { ...tell, command: Buffer.from(withOwnId(tell.command)) })
  }
  return value
}

/** On the way out. */
export const portable = (topic: Topic, record: StoredRecord, reseal: Reseal): StoredRecord =>
  record.value === null ? record : { ...record, value: withOwnId(changed(topic, { ...record, value: record.value }, reseal)) }

/** On the way in: under the ids that the target writes. */
export const arrived = (topic: Topic, record: StoredRecord, reseal: Reseal): StoredRecord =>
  record.value === null ? record : { ...record, value: withWrittenId(changed(topic, { ...record, value: record.value }, reseal)) }
