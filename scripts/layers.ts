// The layers as data: what each folder may import, and which folders decide without clock, chance or I/O.
// Stands between the words of CONTRIBUTING.md and lint: oxlint.config.ts makes rules of it, test/repo/layers.test.ts the rest.

export interface Layer {
  /** What ARCHITECTURE.md and the lint message call it. */
  readonly name: string
  /** Globs from the project's root. A later layer wins over an earlier one. */
  readonly files: readonly string[]
  /** Modules it may import: exact, or a prefix that ends in `*`. Its own files (`./`, `../`) always. */
  readonly may: readonly string[]
  /** Modules of which it may import the types alone. */
  readonly mayTypes?: readonly string[]
  /** Exceptions to a prefix in `may`. */
  readonly never?: readonly string[]
  /** Decides: no clock, no random, no I/O. */
  readonly isPure?: boolean
}

/** Whoever needs one of these asks the outgoing guard in src/effects instead. */
const clients = ['undici', 'node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram', 'node:dns', 'node:dns/promises']

/** What every part of the machine may lean on. */
const base = ['#schemas*', '#config', '#errors', '#topics', '#secrets', 'node:*']

/** Other parts are known by their types; the instances come as arguments. */
const ports = [
  '#log',
  '#registry',
  '#timers',
  '#views',
  '#gateway',
  '#http',
  '#runtime',
  '#effects',
  '#cluster',
  '#channels',
  '#actors',
  '#metrics',
  'pino',
  'prom-client',
]

export const layers: readonly Layer[] = [
  { name: 'schemas', files: ['schemas/**'], may: ['typebox', 'avsc', 'node:crypto'], isPure: true },
  { name: 'actors', files: ['actors/**'], may: ['#schemas*', 'xstate'], isPure: true },
  { name: 'channels', files: ['channels/**'], may: ['#schemas*', 'node:crypto', 'typebox'], isPure: true },
  { name: 'src', files: ['src/*.ts'], may: base, mayTypes: ports, never: clients },
  { name: 'metrics', files: ['src/metrics.ts'], may: [...base, 'prom-client'], mayTypes: ports, never: clients },
  { name: 'composition root', files: ['src/main.ts', 'src/node/**', 'src/cli/**'], may: ['*'] },
  { name: 'log', files: ['src/log/**'], may: base, mayTypes: ports, never: clients },
  {
    name: 'log on Kafka',
    files: ['src/log/kafka/**'],
    may: [...base, 'kafkajs', '@confluentinc/kafka-javascript'],
    mayTypes: ports,
    never: clients.filter((name) => name !== 'node:net' && name !== 'node:tls'),
  },
  { name: 'registry', files: ['src/registry/**'], may: base, mayTypes: ports, never: clients },
  {
    name: 'archive',
    files: ['src/archive/**'],
    may: [...base, '#actors', '#log', '#registry', '#runtime'],
    mayTypes: ports,
    never: clients,
  },
  { name: 'timers', files: ['src/timers/**'], may: [...base, 'bullmq'], mayTypes: ports, never: clients },
  { name: 'views', files: ['src/views/**'], may: [...base, '#log', '#log/partition', 'lru-cache'], mayTypes: ports, never: clients },
  { name: 'folds', files: ['src/views/folds.ts', 'src/views/folds/**'], may: ['#schemas*'], isPure: true },
  { name: 'cluster', files: ['src/cluster/**'], may: [...base, '#log', '#views'], mayTypes: ports, never: clients },
  { name: 'node calls', files: ['src/cluster/calls.ts'], may: [...base, 'undici'], mayTypes: ports },
  {
    name: 'gateway',
    files: ['src/gateway/**'],
    may: [...base, 'ws', 'socket.io', 'jose', 'typebox', 'lru-cache'],
    mayTypes: [...ports, 'node:http', 'node:net'],
    never: clients,
  },
  {
    name: 'presence on Redis',
    files: ['src/gateway/presence/redis*.ts'],
    may: [...base, 'ioredis'],
    mayTypes: ports,
    never: clients,
  },
  {
    name: 'http',
    files: ['src/http/**'],
    may: [...base, '#secrets', 'fastify', '@fastify/*', 'typebox', 'jose', 'file-type', 'lru-cache', 'prom-client'],
    mayTypes: [...ports, 'node:http', 'node:net'],
    never: clients,
  },
  {
    name: 'runtime',
    files: ['src/runtime/**'],
    may: [...base, '#actors', '#channels', '#log', '#timers', '#views', '#views/*', 'libphonenumber-js', 'lru-cache', 'xstate'],
    mayTypes: ports,
    never: clients,
  },
  {
    name: 'effects',
    files: ['src/effects/**'],
    may: [...base, '#actors', '#channels', '#log', '#runtime', '#timers', '#views', '#views/*', 'lru-cache', 'file-type'],
    mayTypes: [...ports, 'undici'],
    never: clients,
  },
  { name: 'outgoing guard', files: ['src/effects/http*', 'src/effects/http/**'], may: [...base, 'undici', 'lru-cache'], mayTypes: ports },
  { name: 'client', files: ['src/client/**'], may: ['#schemas*', '#views/folds'], mayTypes: ['ws'] },
  { name: 'receiver', files: ['src/receiver/**'], may: ['node:crypto'] },
  {
    name: 'inbox and chat',
    files: ['src/inbox/**', 'src/chat/**'],
    may: ['#client', 'react', 'react-dom', '@tanstack/react-virtual'],
    mayTypes: ['#schemas*'],
  },
]

/** The globs of all pure layers. */
export const pureFiles: readonly string[] = layers.flatMap((layer) => (layer.isPure === true ? layer.files : []))

/** Whether `pattern`, a name or a prefix ending in `*`, covers `specifier`. */
export const covers = (pattern: string, specifier: string): boolean =>
  pattern.endsWith('*') ? specifier.startsWith(pattern.slice(0, -1)) : specifier === pattern
