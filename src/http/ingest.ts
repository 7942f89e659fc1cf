// Provider webhooks: verify over the bytes as they came, append raw and commands at once, only then 2xx.
// Between providers, who repeat what gets no 2xx, and the log. The hot path of a node: no schema, no hook, no closure that can be spared.

import '@fastify/swagger'
import { hash } from 'node:crypto'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { ChannelAdapter, Credentials, Headers, ParsedEvent, ParsedRequest, Webhook } from '#channels'
import { ConfabError, type ErrorCode } from '#errors'
import type { Entry } from '#log'
import { deadLetter, deriveKeyed, derivePlain, encode, rawRequest, type Account } from '#schemas/log'
import { topics } from '#topics'
import type { HttpOptions } from './options.ts'

/** An append slower than this is answered 503; it may still arrive, and the repeat is the same commands. */
const APPEND_TIMEOUT_MS = 2_000
/** How long an unknown key lets `config` catch up. */
const CATCH_UP_MS = 1_000
const RETRY_AFTER_SECONDS = 1
/** Webhooks waiting for the log at once; beyond it 503. */
const PENDING_MAX = 10_000

type IngestOptions = Pick<
  HttpOptions,
  'config' | 'log' | 'settings' | 'secrets' | 'channels' | 'intake' | 'clock' | 'logger' | 'metrics' | 'publicUrl' | 'onWebhookRefused'
>

/** Who signs under a key: built once per state of its accounts, credentials opened. */
interface Signer {
  readonly channel: string
  readonly webhook: Webhook
  /** Every live secret of the accounts that share the signer. */
  readonly secrets: readonly string[]
  readonly name: string | null
  readonly accounts: readonly Account[]
  readonly organizationId: string
  readonly idKey: Buffer
  readonly accepted: { inc(): void }
}

interface Arrival {
  readonly signer: Signer
  readonly key: string
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: Buffer
  readonly at: number
}

const NO_BODY = Buffer.alloc(0)
/** Headers that carry secrets of others and that no proof needs. */
const withheld = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'] as const

/** Node joins repeated headers itself; only what is withheld costs a copy. */
const headersOf = (request: FastifyRequest): Headers => {
  const headers = request.raw.headers
  for (const name of withheld) {
    if (headers[name] === undefined) continue
    return Object.fromEntries(
      Object.entries(headers).filter(([other, value]) => !(withheld as readonly string[]).includes(other) && typeof value === 'string'),
    ) as Headers
  }
  return headers as Headers
}

class Ingest {
  readonly #options: IngestOptions
  readonly #signers = new WeakMap<readonly Account[], Signer | null>()
  readonly #appendSeconds: { observe(seconds: number): void }
  #catchingUp: Promise<void> | null = null
  #pending = 0

  constructor(options: IngestOptions) {
    this.#options = options
    this.#appendSeconds = options.metrics.appendSeconds.labels('ingest')
  }

  readonly handle = (request: FastifyRequest, reply: FastifyReply): void => {
    const { channel, key } = request.params as { channel: string; key: string }
    const adapter = this.#options.channels.channelOf(channel)
    if (adapter === undefined || adapter.webhook === null) return this.#refuse(reply, 'other', 'unknown_ingest_key')
    const signer = this.#signer(adapter, key)
    if (signer !== null) return this.#accept(signer, request, reply)
    this.#catchUp().then(
      () => {
        const late = this.#signer(adapter, key)
        if (late === null) this.#refuse(reply, adapter.name, 'unknown_ingest_key')
        else this.#accept(late, request, reply)
      },
      (error: unknown) => {
        this.#options.onWebhookRefused?.()
        reply.send(error)
      },
    )
  }

  /** One wait for all requests under unknown keys together: a flood of them costs one look at the log. */
  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#options.settings.catchUp(CATCH_UP_MS).finally(() => {
      this.#catchingUp = null
    })
    return this.#catchingUp
  }

  /** The settings hand out a new array whenever one of its accounts changes, which is what the cache hangs on. */
  #signer(adapter: ChannelAdapter, key: string): Signer | null {
    const accounts = this.#options.settings.accountsByIngestKey(adapter.name, key)
    const known = this.#signers.get(accounts)
    if (known !== undefined) return known
    const signer = this.#build(adapter, accounts)
    this.#signers.set(accounts, signer)
    return signer
  }

  #build(adapter: ChannelAdapter, all: readonly Account[]): Signer | null {
    const accounts = all.filter((account) => account.isActive)
    const [first] = accounts
    if (first === undefined || adapter.webhook === null) return null
    const { settings, secrets, metrics } = this.#options
    const webhook = adapter.webhook
    // A key belongs to one organization; accounts of another under it would let its secrets sign for these.
    const own = accounts.filter((account) => account.organizationId === first.organizationId)
    const credentials = own.flatMap((account): Credentials[] =>
      account.sealedCredentials === null
        ? []
        : [JSON.parse(secrets.open('credentials', account.sealedCredentials, account.id).toString()) as Credentials],
    )
    return {
      channel: adapter.name,
      webhook,
      secrets: [...new Set(credentials.flatMap((each) => webhook.secretsOf(each)))],
      name: credentials[0] === undefined ? null : webhook.signerOf(credentials[0]),
      accounts: own,
      organizationId: first.organizationId,
      idKey: settings.idKey(first.organizationId),
      accepted: metrics.ingestAccepted.labels(adapter.name),
    }
  }

  #accept(signer: Signer, request: FastifyRequest, reply: FastifyReply): void {
    const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY
    const arrival: Arrival = {
      signer,
      key: (request.params as { key: string }).key,
      method: request.method,
      url: this.#options.publicUrl() + (request.raw.url ?? ''),
      headers: headersOf(request),
      body,
      at: this.#options.clock(),
    }
    const proof = { method: arrival.method, url: arrival.url, headers: arrival.headers, body, secrets: signer.secrets }
    if (!signer.webhook.verify(proof)) return this.#refuse(reply, signer.channel, 'signature_invalid')
    if (this.#pending >= PENDING_MAX) return this.#refuse(reply, signer.channel, 'overloaded')
    const parsed = signer.webhook.parse(proof)
    this.#append(signer, this.#entries(arrival, parsed), parsed.response, reply)
  }

  #append(signer: Signer, entries: readonly Entry[], response: ParsedRequest['response'], reply: FastifyReply): void {
    this.#pending++
    const startedAt = performance.now()
    const timer = setTimeout(() => {
      this.#options.logger.error({ name: 'ingest.append_slow', channel: signer.channel, afterMs: APPEND_TIMEOUT_MS })
      this.#refuse(reply, signer.channel, 'append_unknown')
    }, APPEND_TIMEOUT_MS)
    this.#options.log.append(entries).then(
      () => {
        clearTimeout(timer)
        this.#pending--
        this.#appendSeconds.observe((performance.now() - startedAt) / 1000)
        if (reply.sent) return
        signer.accepted.inc()
        reply.code(response.status).header('content-type', response.contentType).send(response.body)
      },
      (error: unknown) => {
        clearTimeout(timer)
        this.#pending--
        const code = error instanceof ConfabError ? error.code : 'append_unknown'
        this.#options.logger.error({ name: 'ingest.append_failed', channel: signer.channel, code })
        if (!reply.sent) this.#refuse(reply, signer.channel, code === 'log_full' ? code : 'append_refused')
      },
    )
  }

  #entries(arrival: Arrival, parsed: ParsedRequest): Entry[] {
    const { signer } = arrival
    const { commandsOf, recordOf } = this.#options.intake
    const [raw, requestId] = this.#raw(arrival)
    const entries: Entry[] = [raw]
    let letters = 0
    const bury = (code: ErrorCode, error: string): void =>
      void entries.push(this.#deadLetter(arrival, `${requestId}/${letters++}`, code, error))
    for (const fault of parsed.faults) bury('webhook_unreadable', fault)
    for (const event of parsed.events) {
      const account = this.#account(signer, parsed, event)
      if (account === undefined) {
        bury('unknown_account', 'no active account of the signer has the address')
        continue
      }
      const context = { organizationId: signer.organizationId, idKey: signer.idKey, account, receivedAt: arrival.at }
      for (const command of commandsOf([event], context)) {
        const { entry, record } = recordOf(command)
        if ((record.value?.length ?? 0) > topics[entry.topic].recordBytesMax) bury('record_too_large', command.type)
        else entries.push({ topic: entry.topic, partition: entry.partition, records: [record] })
      }
    }
    return entries
  }

  /** The account a verified body names, among those of the signer; another provider account's body is nobody's. */
  #account(signer: Signer, parsed: ParsedRequest, event: ParsedEvent): Account | undefined {
    return parsed.signer === signer.name ? this.#options.intake.accountOf(event, signer.accounts) : undefined
  }

  #raw({ signer, key, method, url, headers, body, at }: Arrival): [Entry, string] {
    const requestId = deriveKeyed(signer.idKey, 'request', [signer.channel, key, url, hash('sha256', body)])
    const value = encode(rawRequest, {
      requestId,
      organizationId: signer.organizationId,
      channel: signer.channel,
      key,
      source: 'webhook',
      receivedAt: at,
      method,
      url,
      headers,
      body,
    })
    const record = { key: requestId, value, headers: { type: 'request' }, time: at }
    return [{ topic: 'raw', partition: this.#options.intake.partitionOf(requestId), records: [record] }, requestId]
  }

  #deadLetter({ signer, body, at }: Arrival, place: string, code: ErrorCode, error: string): Entry {
    this.#options.metrics.ingestDeadLetters.labels(signer.channel, code).inc()
    const key = derivePlain('event', ['dead-letter', place])
    const partition = this.#options.intake.partitionOf(key)
    const letter = {
      organizationId: signer.organizationId,
      topic: 'raw',
      partition,
      offset: null,
      key: place,
      code,
      error,
      at,
      isPoison: false,
      bytes: body,
    }
    return {
      topic: 'dead-letters',
      partition,
      records: [{ key, value: encode(deadLetter, letter), headers: { type: 'dead-letter' }, time: at }],
    }
  }

  /** Counted and never stored; a repeat is asked for only where it can help. */
  #refuse(reply: FastifyReply, channel: string, code: ErrorCode): void {
    this.#options.metrics.ingestRefused.labels(channel, code).inc()
    const error = new ConfabError(code)
    if (error.isRetryable) this.#options.onWebhookRefused?.()
    reply.send(error.isRetryable ? new ConfabError(code, { retryAfterSeconds: RETRY_AFTER_SECONDS }) : error)
  }
}

/** POST and GET `/v1/ingest/:channel/:key`, encapsulated: its own body parser (any type, as bytes), none of the API's hooks. */
export const ingestRoutes =
  (options: IngestOptions): FastifyPluginCallback =>
  (scope, _none, done) => {
    const ingest = new Ingest(options)
    const bodyLimit = options.config.ingestBytesMax
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, parsed) => parsed(null, body))
    const config = { isPublic: true }
    const schema = { summary: 'A provider’s webhook', tags: ['ingest'], security: [] }
    scope.route({
      method: ['POST', 'GET'],
      url: '/v1/ingest/:channel/:key',
      bodyLimit,
      config,
      schema,
      exposeHeadRoute: false,
      handler: ingest.handle,
    })
    done()
  }
