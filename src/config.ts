// The settings of a node: the only reader of the environment. Read once, validated, frozen; every value has a default that works.
// `confab config`, docs/configuration.md and the error texts come from the same table.

import { join, resolve } from 'node:path'
import { ConfabError } from '#errors'
import type { Duty } from '#log'
import { kafkaSettings } from './config-kafka.ts'
import { integer, list, oneOf, ranges, redisUrl, setting, text, url } from './config-parsers.ts'

const duties = ['ingest', 'actors', 'gateway', 'sender', 'webhooks'] as const satisfies readonly Duty[]
const dutySet = (given: string): ReadonlySet<Duty> => {
  const wanted = list(given)
  const strangers = wanted.filter((name) => !(duties as readonly string[]).includes(name))
  if (strangers.length > 0 || wanted.length === 0) throw new Error(`expects some of ${duties.join(', ')}`)
  return new Set(wanted as Duty[])
}

const MEGABYTE = 1_048_576

export const settingsTable = {
  port: setting('CONFAB_PORT', '8080', integer(0, 65_535), 'TCP port of HTTP and sockets; 0 takes a free one.'),
  host: setting('CONFAB_HOST', '0.0.0.0', text, 'Address to listen on.'),
  dataDirectory: setting('CONFAB_DATA_DIR', './data', text, 'Where the log, the views and the files lie. One process at a time.'),
  secretFile: setting(
    'CONFAB_SECRET_FILE',
    '',
    text,
    "The site's secret, 32 bytes in base64, made on first start; default `<data dir>/secret`. Back it up: without it credentials and ids are lost.",
  ),
  publicUrl: setting(
    'CONFAB_PUBLIC_URL',
    '',
    url,
    'How the outside reaches this server: what Twilio signs and what links and widgets use; default `http://localhost:<port>`.',
  ),
  duties: setting(
    'CONFAB_DUTIES',
    duties.join(','),
    dutySet,
    'What this node does: ingest (provider webhooks), actors (decides), gateway (API, sockets, pages), sender (channel sends, media, timers), webhooks (deliveries). An embedded site needs all of them in its one process.',
  ),
  trustedProxies: setting(
    'CONFAB_TRUSTED_PROXIES',
    '',
    ranges,
    'Reverse proxies in front (addresses or CIDRs, comma-separated): from them X-Forwarded-For tells who asks. Without it everybody behind a proxy shares one allowance of sign-ins and new chats.',
  ),
  handshakesPerSecond: setting(
    'CONFAB_HANDSHAKES_PER_SECOND',
    '20',
    integer(1, 1_000_000),
    'Sockets that one address (IPv6: a /64) may begin to open in a second; beyond it 503. Raise it where many agents share one address.',
  ),
  twilioApiUrl: setting('CONFAB_TWILIO_API_URL', 'https://api.twilio.com', url, "Twilio's API; tests point it at a fake."),
  graphApiUrl: setting(
    'CONFAB_GRAPH_API_URL',
    '',
    url,
    "Meta's API for Messenger, Instagram and WhatsApp; default `https://graph.facebook.com`, for Instagram Login `https://graph.instagram.com`. Tests point it at a fake.",
  ),
  scanCommand: setting(
    'CONFAB_SCAN_COMMAND',
    '',
    text,
    'Judges each inbound file before it is stored: run with the path of the file as its last argument; exit code 0 = clean, 1 = infected (the attachment is `blocked`), anything else = not judged, tried again. `clamdscan --no-summary`, for one. None by default.',
  ),
  egressAllow: setting(
    'CONFAB_EGRESS_ALLOW',
    '',
    list,
    'Addresses (CIDR, comma-separated) inside the network that outgoing requests may reach; none by default.',
  ),
  egressProxy: setting(
    'CONFAB_EGRESS_PROXY',
    '',
    url,
    'A CONNECT proxy for all outgoing requests, those to providers too; it then judges addresses.',
  ),
  logLevel: setting(
    'CONFAB_LOG_LEVEL',
    'info',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'silent'),
    'What is logged. Message texts, tokens and phone numbers never are.',
  ),
  redisUrl: {
    ...setting(
      'CONFAB_REDIS_URL',
      '',
      redisUrl,
      'Redis of a cluster (redis:// or rediss://): presence, typing, wake-ups; nothing in it has to survive. Unset: each node knows its own only.',
    ),
    // Its password stands in it.
    isSecret: true,
  },
  telemetry: setting(
    'CONFAB_TELEMETRY',
    'off',
    oneOf('off', 'requests'),
    'requests: each answered API request leaves a record in `logs` (route, status, time, ids; no texts, no addresses), kept 7 days.',
  ),
  attachmentBytesMax: setting(
    'CONFAB_ATTACHMENT_BYTES_MAX',
    String(25 * MEGABYTE),
    integer(1024, 1024 * MEGABYTE),
    'Largest upload or fetched file, bytes.',
  ),
  ingestBytesMax: setting(
    'CONFAB_INGEST_BYTES_MAX',
    String(4 * MEGABYTE),
    integer(1024, 8 * MEGABYTE),
    'Largest provider webhook, bytes; beyond it 413.',
  ),
  commandsPerSecond: setting(
    'CONFAB_COMMANDS_PER_SECOND',
    '2000',
    integer(1, 1_000_000),
    'Commands that one organization may ask of this node a second, twice as many at once; beyond it 429 with Retry-After. Provider webhooks are not counted.',
  ),
  synchronous: setting(
    'CONFAB_LOG_SYNCHRONOUS',
    'FULL',
    oneOf('FULL', 'OFF'),
    'FULL: acknowledged means on disk. OFF is for tests only: a power cut loses what was acknowledged.',
  ),
  ...kafkaSettings,
  filesDirectory: setting(
    'CONFAB_FILES_DIR',
    '',
    text,
    "Where attachments' bytes lie; default `<data dir>/files`. Several nodes share one. Back it up.",
  ),
  schemaRegistryUrl: setting(
    'CONFAB_SCHEMA_REGISTRY_URL',
    '',
    url,
    "A schema registry with Confluent's REST API, in place of the one at `/schemas`: schemas are registered there at start, records carry its ids.",
  ),
  schemaRegistryUser: setting(
    'CONFAB_SCHEMA_REGISTRY_USER',
    '',
    text,
    'User at that registry (HTTP basic authentication); none by default.',
  ),
  schemaRegistryPasswordFile: setting('CONFAB_SCHEMA_REGISTRY_PASSWORD_FILE', '', text, 'File that holds the password of that user.'),
  schemasAccess: setting(
    'CONFAB_SCHEMAS_ACCESS',
    'owner',
    oneOf('owner', 'open'),
    "Who may read `/schemas`: `owner`, with an owner's token as bearer token or as the password of basic authentication; `open`, everybody who reaches the port. Schemas hold no data.",
  ),
  metricsToken: {
    ...setting(
      'CONFAB_METRICS_TOKEN',
      '',
      text,
      'When set, /metrics wants it as a bearer token; else only requests from this machine are answered.',
    ),
    isSecret: true,
  },
} as const

type Table = typeof settingsTable
type Parsed = { readonly [K in keyof Table]: ReturnType<Table[K]['parse']> }
export type Config = Parsed & { readonly dataDirectory: string; readonly secretFile: string }

/** Reads and checks all settings. Throws `config_invalid` naming each wrong one. */
export const loadConfig = (environment: Readonly<Record<string, string | undefined>> = process.env): Config => {
  const values: Record<string, unknown> = {}
  const faults: string[] = []
  for (const [field, entry] of Object.entries(settingsTable)) {
    const given = environment[entry.name]?.trim()
    try {
      values[field] = entry.parse(given === undefined || given === '' ? entry.default : given)
    } catch (error) {
      faults.push(`${entry.name} ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const known = new Set<string>(Object.values(settingsTable).map((entry) => entry.name))
  const strangers = Object.keys(environment).filter(
    (name) => name.startsWith('CONFAB_') && !name.startsWith('CONFAB_TEST_') && !known.has(name),
  )
  for (const name of strangers) faults.push(`${name} is not a setting`)
  if (values['standbys'] !== 'all' && values['nodeUrl'] === '') faults.push('CONFAB_NODE_URL is needed where CONFAB_STANDBYS is a number')
  if (faults.length > 0) throw new ConfabError('config_invalid', { detail: `${faults.join('; ')}.` })
  const parsed = values as Parsed
  const dataDirectory = resolve(parsed.dataDirectory)
  return Object.freeze({
    ...parsed,
    dataDirectory,
    filesDirectory: parsed.filesDirectory === '' ? join(dataDirectory, 'files') : resolve(parsed.filesDirectory),
    secretFile: parsed.secretFile === '' ? join(dataDirectory, 'secret') : resolve(parsed.secretFile),
    publicUrl: parsed.publicUrl === '' ? `http://localhost:${parsed.port}` : parsed.publicUrl,
  })
}
