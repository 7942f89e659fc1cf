// JSON of a setting into its typed record, field by field after the Avro shape: the last check before a setting lies in the log.
// Between setting.write and `config`; HTTP has validated for people, this holds for whoever writes commands.

import { settingRecords, type SettingKind, type SettingValue, type Shape } from '#schemas/log'

type Json = unknown

/** Filled by the actor alone. */
const ownFields: ReadonlySet<string> = new Set(['id', 'organizationId', 'rev', 'createdAt', 'updatedAt', 'uniqueKeys'])
/** Never in an event's content: sealed, hashed, or derived from what is personal. */
const secretFields: ReadonlySet<string> = new Set(['sealedIdKey', 'sealedCredentials', 'passwordHash', 'hash', 'uniqueKeys'])

/** What a new setting has where nothing is said; fields in none of these lists must be given. */
const defaults: { readonly [K in SettingKind]: Readonly<Record<string, Json>> } = {
  organization: { reopenToAgentHours: 24 },
  account: {
    externalId: '',
    ingestKey: '',
    sealedCredentials: null,
    replyGuard: 'guarded',
    sendsReadReceipts: true,
    isActive: true,
    options: {},
    origins: [],
    bots: [],
    trouble: null,
    troubleAt: null,
    isBroken: null,
  },
  agent: { role: 'agent', passwordHash: null, isActive: true, isAvailable: true },
  label: { color: '#6b7280', description: '' },
  token: { agentId: null, accountIds: [], expiresAt: null },
  session: { kind: 'browser' },
}

/** Names the field that does not fit. */
export class SettingFault extends Error {
  override readonly name = 'SettingFault'
  readonly field: string
  constructor(field: string) {
    super(field)
    this.field = field
  }
}

const isRecord = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null && !Array.isArray(value)

const avroName = (shape: Shape<unknown>): string => {
  const avro = shape.toAvro(new Set())
  return typeof avro === 'string' ? avro : (avro as { type: string }).type
}

const primitive = (shape: Shape<unknown>, value: Json): Json => {
  switch (avroName(shape)) {
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'int':
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31 ? value : undefined
    case 'long':
      return Number.isSafeInteger(value) ? value : undefined
    case 'double':
      return typeof value === 'number' ? value : undefined
    case 'bytes':
      return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
    default:
      return undefined
  }
}

/** undefined = does not fit. */
const fit = (shape: Shape<unknown>, value: Json): Json => {
  switch (shape.kind) {
    case 'primitive':
      return primitive(shape, value)
    case 'enum':
      return (shape as Shape<unknown> & { symbols: readonly string[] }).symbols.includes(value as string) ? value : undefined
    case 'optional':
      return value === null ? null : fit(shape.parts?.[0] as Shape<unknown>, value)
    case 'array': {
      if (!Array.isArray(value)) return undefined
      const items = value.map((item) => fit(shape.parts?.[0] as Shape<unknown>, item))
      return items.includes(undefined) ? undefined : items
    }
    case 'map': {
      if (!isRecord(value)) return undefined
      const entries = Object.entries(value).map(([key, item]) => [key, fit(shape.parts?.[0] as Shape<unknown>, item)] as const)
      return entries.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(entries)
    }
    case 'record':
      return undefined
  }
}

const parse = (json: string): Record<string, Json> => {
  let value: Json
  try {
    value = JSON.parse(json) as Json
  } catch {
    throw new SettingFault('json')
  }
  if (!isRecord(value)) throw new SettingFault('json')
  return value
}

/** The fields after the write, `own` aside. Throws SettingFault naming a field that is missing, unknown or of another type. */
export const mergeSetting = <K extends SettingKind>(
  kind: K,
  before: SettingValue[K] | null,
  json: string,
): Omit<SettingValue[K], 'id' | 'rev'> => {
  const given = parse(json)
  const { fields } = settingRecords[kind]
  for (const field of Object.keys(given)) if (!Object.hasOwn(fields, field) || ownFields.has(field)) throw new SettingFault(field)
  const merged: Record<string, Json> = {}
  for (const [field, shape] of Object.entries<Shape<unknown>>(fields)) {
    if (ownFields.has(field)) continue
    const isGiven = Object.hasOwn(given, field)
    if (!isGiven && before !== null) merged[field] = (before as unknown as Record<string, Json>)[field]
    else merged[field] = fit(shape, isGiven ? given[field] : defaults[kind][field])
    if (merged[field] === undefined && !isGiven && shape.kind === 'optional') merged[field] = null
    if (merged[field] === undefined) throw new SettingFault(field)
  }
  return merged as unknown as Omit<SettingValue[K], 'id' | 'rev'>
}

/** What an audit may read of it. */
export const publicJson = (value: object): string =>
  JSON.stringify(value, (key, field: Json) => (secretFields.has(key) ? undefined : field))
