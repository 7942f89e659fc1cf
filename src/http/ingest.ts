// Provider webhooks: verify over the bytes as they came, append raw and commands at once, only then 2xx.
// Between providers, who repeat what gets no 2xx, and the log. The hot path of a node: no schema, no hook, no closure that can be spared.

import '@fastify/swagger'
import { hash } from 'node:crypto'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { ChannelAdapter, Headers, ParsedEvent, ParsedRequest, SignedRequest } from '#channels'
import { ConfabError, type ErrorCode } from '#errors'
import type { Entry } from '#log'
import { deadLetter, deriveKeyed, derivePlain, encode, rawRequest, type Account } from '#schemas/log'
import { topics } from '#topics'
import { signerOf, type Party, type Signer } from './ingest-signers.ts'
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

interface Arrival {
  readonly signer: Signer
  /** Those whose secrets have signed: nobody else's accounts are meant. */
  readonly parties: readonly Party[]
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

/** One organization's accounts share their secrets, mostly: then it is one look. */
const provedBy = ({ webhook, parties }: Signer, proof: Omit<SignedRequest, 'secrets'>): readonly Party[] =>
  parties.length === 1 && parties[0] !== undefined
    ? webhook.verify({ ...proof, secrets: parties[0].secrets })
      ? parties
      : []
    : parties.filter(({ secrets }) => webhook.verify({ ...proof, secrets }))

const organizationOf = (parties: readonly Party[]): string | null => {
  const [first, ...others] = new Set(parties.map(({ organizationId }) => organizationId))
  return others.length > 0 ? null : (first ?? null)
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
    const signer = signerOf(this.#options, adapter, accounts)
    this.#signers.set(accounts, signer)
    return signer
  }

  #accept(signer: Signer, request: FastifyRequest, reply: FastifyReply): void {
    const { method } = request
    const url = this.#options.publicUrl() + (request.raw.url ?? '')
    if (method === 'GET' && signer.webhook.challenge !== undefined) return this.#challenge(signer, { method, url }, reply)
    const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY
    const at = this.#options.clock()
    const proof = { method, url, headers: headersOf(request), body, at }
    const parties = provedBy(signer, proof)
    if (parties.length === 0) return this.#refuse(reply, signer.channel, 'signature_invalid')
    if (this.#pending >= PENDING_MAX) return this.#refuse(reply, signer.channel, 'overloaded')
    const parsed = signer.webhook.parse(proof)
    const arrival: Arrival = { ...proof, signer, parties, key: (request.params as { key: string }).key }
    this.#append(signer, this.#entries(arrival, parsed), parsed.response, reply)
  }

  /** The provider asks whether the path is ours: by a word that any of its accounts was given. */
  #challenge(signer: Signer, question: Pick<SignedRequest, 'method' | 'url'>, reply: FastifyReply): void {
    const answer = signer.webhook.challenge?.(question, signer.tokens) ?? null
    if (answer === null) return this.#refuse(reply, signer.channel, 'signature_invalid')
    reply.code(answer.status).header('content-type', answer.contentType).send(answer.body)
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
    for (const name of parsed.skipped ?? []) this.#options.metrics.ingestSkipped.labels(signer.channel, name).inc()
    for (const event of parsed.events) {
      const found = this.#partyOf(arrival, parsed, event)
      if (found === undefined) {
        bury('unknown_account', 'no active account of the signer has the address')
        continue
      }
      const context = { ...found, receivedAt: arrival.at, appId: signer.name }
      for (const command of commandsOf([event], context)) {
        const { entry, record } = recordOf(command)
        if ((record.value?.length ?? 0) > topics[entry.topic].recordBytesMax) bury('record_too_large', command.type)
        else entries.push({ topic: entry.topic, partition: entry.partition, records: [record] })
      }
    }
    return entries
  }

  /** The account a verified body names, among those whose secrets signed it; another provider account's body is nobody's. */
  #partyOf(
    { signer, parties }: Arrival,
    parsed: ParsedRequest,
    event: ParsedEvent,
  ): { readonly organizationId: string; readonly idKey: Buffer; readonly account: Account } | undefined {
    // Who names no signer is who signed.
    if (parsed.signer !== null && parsed.signer !== signer.name) return undefined
    for (const { accounts, organizationId, idKey } of parties) {
      const account = this.#options.intake.accountOf(event, accounts)
      if (account !== undefined) return { organizationId, idKey, account }
    }
    return undefined
  }

  #raw({ signer, parties, key, method, url, headers, body, at }: Arrival): [Entry, string] {
    const requestId = deriveKeyed(signer.idKey, 'request', [signer.channel, key, url, hash('sha256', body)])
    const value = encode(rawRequest, {
      requestId,
      // A request for several organizations is none's alone.
      organizationId: organizationOf(parties),
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

  #deadLetter({ signer, parties, body, at }: Arrival, place: string, code: ErrorCode, error: string): Entry {
    this.#options.metrics.ingestDeadLetters.labels(signer.channel, code).inc()
    const key = derivePlain('event', ['dead-letter', place])
    const partition = this.#options.intake.partitionOf(key)
    const letter = {
      organizationId: organizationOf(parties),
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
