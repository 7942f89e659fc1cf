// The HTTP door over the real log, settings, owners and command door; the views are read straight from the log's own rows.
// For tests of src/http, which ask by inject and look into the log.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { channelOf } from '#channels'
import { openFiles, openUploads } from '#effects'
import { openHttp, type Http, type HttpOptions } from '#http'
import { openEmbeddedLog, partitionOf, type Duty, type Log, type StoredRecord } from '#log'
import { openMetrics, type Metrics } from '#metrics'
import { openRegistry } from '#registry'
import {
  accountOf,
  commandsOf,
  contactIdOf,
  conversationIdOf,
  openCommands,
  openDeadLetters,
  openOwners,
  openSettings,
  openSettingWishes,
  openWishes,
  recordOf,
  type Commands,
  type Settings,
  type SettingWishes,
} from '#runtime'
import { hashPassword, hashToken, openSecrets, type Secrets } from '#secrets'
import { decodeAny, derivePlain, type Agent, type SettingKind, type Token } from '#schemas/log'
import type { Topic } from '#topics'
import { openFileLinks } from '../../src/file-links.ts'
import { removeDirectory, temporaryDirectory, until } from '../harness.ts'
import { logViews } from './log-views.ts'

export const PUBLIC_URL = 'https://confab.test'

export const ids = {
  organization: derivePlain('setting', ['http', 'organization']),
  foreign: derivePlain('setting', ['http', 'foreign']),
  owner: derivePlain('setting', ['http', 'owner']),
  agent: derivePlain('setting', ['http', 'agent']),
  observer: derivePlain('setting', ['http', 'observer']),
  stranger: derivePlain('setting', ['http', 'stranger']),
} as const
export const PASSWORD = 'correct horse battery'

export interface Door {
  readonly http: Http
  readonly log: Log
  readonly settings: Settings
  readonly secrets: Secrets
  readonly metrics: Metrics
  readonly settingWishes: SettingWishes
  readonly logged: object[]
  readonly typed: object[]
  /** Bearer tokens' texts. */
  readonly tokens: Readonly<Record<'owner' | 'agent' | 'observer' | 'bot' | 'integration' | 'stranger' | 'expired', string>>
  /** The time that the door sees. */
  now: number
  /** How long the log has been away. */
  staleMs: number | null
  records(topic: Topic): Promise<StoredRecord[]>
  /** A request as someone; answers status, headers and JSON. */
  ask(method: string, url: string, options?: { as?: string | null; body?: unknown; headers?: Record<string, string> }): Promise<Reply>
  close(): Promise<void>
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: any // oxlint-disable-line typescript/no-explicit-any -- tests read whatever came
  readonly text: string
}

/** Everything a site has before anyone asks, by the settings actor like all that comes later. */
const writeSettings = async (commands: Commands, secrets: Secrets, tokens: Door['tokens'], now: number): Promise<void> => {
  let count = 0
  const write = async (kind: SettingKind, id: string, fields: object, organizationId: string = ids.organization): Promise<void> =>
    commands.post([
      {
        type: 'setting.write',
        commandId: derivePlain('command', ['http', count++]),
        organizationId,
        actor: { kind: 'organization', id: organizationId },
        by: { kind: 'system', id: null },
        asksOutcome: false,
        bodyHash: '',
        at: now,
        data: { kind, action: 'create', entityId: id, expectedRev: null, json: JSON.stringify(fields), uniqueKeys: [] },
      },
    ])
  for (const id of [ids.organization, ids.foreign]) {
    await write('organization', id, { name: 'Test', sealedIdKey: secrets.seal('id-key', randomBytes(32), id).toString('base64') }, id)
  }
  const agent = async (id: string, role: Agent['role'], organizationId?: string): Promise<void> =>
    write(
      'agent',
      id,
      { name: role, email: `${role}@confab.test`, role, passwordHash: role === 'agent' ? await hashPassword(PASSWORD) : null },
      organizationId,
    )
  await agent(ids.owner, 'owner')
  await agent(ids.agent, 'agent')
  await agent(ids.observer, 'observer')
  await agent(ids.stranger, 'owner', ids.foreign)
  const token = (name: keyof Door['tokens'], role: Token['role'], agentId: string | null, organizationId?: string): Promise<void> => {
    const fields = { name, role, agentId, hash: hashToken(tokens[name]), expiresAt: name === 'expired' ? now - 1 : null }
    return write('token', derivePlain('setting', ['http', 'token', name]), fields, organizationId)
  }
  await token('owner', 'owner', ids.owner)
  await token('agent', 'agent', ids.agent)
  await token('observer', 'observer', ids.observer)
  await token('bot', 'bot', null)
  await token('integration', 'integration', null)
  await token('expired', 'owner', ids.owner)
  await token('stranger', 'owner', ids.stranger, ids.foreign)
}

const readAll = async (log: Log, topic: Topic): Promise<StoredRecord[]> => {
  const found: StoredRecord[] = []
  for (let partition = 0; partition < 32; partition++) {
    const { start, end } = await log.bounds(topic, partition)
    if (start >= end) continue
    const abort = new AbortController()
    for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: abort.signal })) {
      found.push(...chunk.records)
      if (chunk.next >= end) abort.abort()
    }
  }
  return found
}

export const decodeRecord = (record: StoredRecord): never => decodeAny(record.value ?? new Uint8Array()) as never

export const openDoor = async (changes: (options: HttpOptions) => Partial<HttpOptions> = () => ({})): Promise<Door> => {
  const directory = await temporaryDirectory()
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), cleanIntervalMs: 0, synchronous: 'OFF' })
  const secrets = openSecrets(randomBytes(32))
  const names = ['owner', 'agent', 'observer', 'bot', 'integration', 'stranger', 'expired'] as const
  const tokens = Object.fromEntries(names.map((name) => [name, secrets.tokenText('confab', name)])) as Door['tokens']
  const door = { now: Date.now(), staleMs: null } as { -readonly [K in keyof Door]: Door[K] }
  const clock = (): number => door.now
  const fail = (error: unknown): void => {
    throw error
  }
  const settings = await openSettings({ log, openIdKey: ({ id, sealedIdKey }) => secrets.open('id-key', sealedIdKey, id), onError: fail })
  const drawKey = (): string => randomBytes(16).toString('hex')
  const commands = await openCommands({ log, settings, clock, drawKey, onError: fail })
  const owners = await openOwners({
    log,
    settings,
    clock,
    now: () => performance.now(),
    random: () => 0,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    onDecided: () => undefined,
    onParked: ({ key, code }) => fail(new Error(`parked ${key}: ${code}`)),
    onTrouble: fail,
  })
  await writeSettings(commands, secrets, tokens, door.now)
  await until('the settings are applied', () => names.every((name) => settings.tokenByHash(hashToken(tokens[name])) !== undefined))
  const metrics = openMetrics()
  const views = logViews(log, readAll)
  const files = openUploads(await openFiles(join(directory, 'files')), drawKey)
  const positions = { passed: () => Promise.resolve('p-1'), seal: () => 'v-1', open: () => [] }
  const logged: object[] = []
  const note = (entry: object): void => void logged.push(entry)
  const typed: object[] = []
  const options: HttpOptions = {
    config: {
      host: '127.0.0.1',
      port: 0,
      publicUrl: PUBLIC_URL,
      ingestBytesMax: 65_536,
      attachmentBytesMax: 100_000,
      metricsToken: '',
      trustedProxies: [],
      schemasAccess: 'owner',
      duties: new Set<Duty>(['ingest', 'gateway']),
    },
    log,
    settings,
    views,
    secrets,
    channels: { channelOf },
    files,
    links: openFileLinks(secrets.key('files'), clock),
    positions,
    intake: { accountOf, commandsOf, recordOf, partitionOf, conversationIdOf, contactIdOf },
    wishes: openWishes({ commands, settings, views, log, uploads: files, positions, clock, drawKey }),
    accountHealth: {
      check: () => Promise.resolve({ isAsked: false, findings: [] }),
      templates: () => Promise.resolve([]),
      connect: () => Promise.resolve(null),
    },
    settingWishes: openSettingWishes({
      commands,
      settings,
      log,
      channels: { channelOf },
      secrets,
      hashPassword,
      hashToken,
      positions,
      drawKey,
    }),
    registry: await openRegistry(log, clock),
    deadLetters: openDeadLetters({ log, commands, clock, drawKey, organizations: () => settings.organizations() }),
    clock,
    random: randomBytes,
    logger: { error: note, warn: note, info: note, debug: note } as never,
    metrics,
    readiness: () => ({ isReady: true, checks: { log: true }, reasons: [] }),
    publicUrl: () => PUBLIC_URL,
    staleMs: () => door.staleMs,
    webDirectory: join(directory, 'web'),
    typing: (_grants, said) => void typed.push(said),
    live: {
      handleRequest: (_request, response) => void response.end(),
      stream: ({ response }) => void response.end(),
    },
    asyncApi: () => ({ asyncapi: '3.0.0' }),
  }
  const http = await openHttp({ ...options, ...changes(options) })
  const close = async (): Promise<void> => {
    await http.close()
    await owners.close()
    await commands.close()
    await settings.close()
    await log.close()
    await removeDirectory(directory)
  }
  const ask: Door['ask'] = async (method, url, { as = 'owner', body, headers = {} } = {}) => {
    const bearer = as === null ? {} : { authorization: `Bearer ${tokens[as as keyof Door['tokens']] ?? as}` }
    const payload = body === undefined ? {} : { payload: body as object }
    const answer = await http.app.inject({ method: method as 'GET', url, headers: { ...bearer, ...headers }, ...payload })
    const isJson = String(answer.headers['content-type']).includes('json')
    return {
      status: answer.statusCode,
      headers: answer.headers as Reply['headers'],
      body: isJson && answer.body !== '' ? answer.json() : null,
      text: answer.body,
    }
  }
  return Object.assign(door, {
    http,
    log,
    settings,
    secrets,
    metrics,
    settingWishes: options.settingWishes,
    logged,
    typed,
    tokens,
    ask,
    records: (topic: Topic) => readAll(log, topic),
    close,
  })
}
