// All carriers of a node over one tail of the outbox, opened together and closed in reverse.
// Between main, which has the ports, and sender, media, timers, tells and drops, which know one effect each.

import type { Logger as Pino } from 'pino'
import type { Config } from '#config'
import type { Log, Tails } from '#log'
import type { Metrics } from '#metrics'
import type { Commands, Settings } from '#runtime'
import type { Secrets } from '#secrets'
import { openLocalTimers } from '#timers'
import type { Views } from '#views'
import { openBackfill } from './backfill.ts'
import { openDrops } from './drops.ts'
import { openErasedDrafts } from './erased-drafts.ts'
import { openErasedFiles } from './erased-files.ts'
import { openOutgoing } from './http.ts'
import { openMedia } from './media.ts'
import { openOutbox } from './outbox.ts'
import { openReports, openWaits } from './reports.ts'
import { apiUrlsOf, credentialsOf, trustedOrigins } from './providers.ts'
import { openProfiles } from './profiles.ts'
import { openScan } from './scan.ts'
import { openSender } from './sender.ts'
import { openSignals } from './signals.ts'
import { openTells } from './tells.ts'
import type { Uploads } from './uploads.ts'
import { openWakeups } from './wakeups.ts'

export interface CarriersOptions {
  readonly config: Pick<Config, 'egressAllow' | 'egressProxy' | 'twilioApiUrl' | 'graphApiUrl' | 'scanCommand' | 'attachmentBytesMax'>
  readonly log: Log
  readonly tails: Pick<Tails, 'follow'>
  /** Also told what ends a part for good: `tail_lost`. */
  readonly onError: (error: unknown) => void
  readonly settings: Settings
  readonly commands: Commands
  readonly secrets: Secrets
  readonly views: Pick<Views, 'contentsOf'>
  readonly uploads: Uploads
  readonly fileUrlOf: (organizationId: string, fileId: string) => string
  readonly publicUrl: string
  readonly clock: () => number
  readonly random: () => number
  readonly logger: Pino
  readonly metrics: Pick<Metrics, 'sends'>
}

export interface Carriers {
  /** Resolves once all open effects have been handed out. */
  readonly ready: Promise<void>
  /** Ingest has refused a webhook: what providers keep is read back soon. */
  webhookRefused(): void
  close(): Promise<void>
}

const every = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  return () => clearInterval(timer)
}

const alarm = (callback: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}

/** Starts to carry out what the log holds open. */
export const openCarriers = (options: CarriersOptions): Carriers => {
  const { config, log, tails, onError, clock, logger, metrics, uploads, views } = options
  const timers = openLocalTimers({ clock, alarm, onError })
  const wait = openWaits(timers, clock)
  const outgoing = openOutgoing({
    allow: config.egressAllow,
    trustedOrigins: trustedOrigins(config),
    proxyUrl: config.egressProxy,
  })
  const shared = {
    ...options,
    outgoing,
    wait,
    reports: openReports({ ...options, wait }),
    credentialsOf: credentialsOf(options.secrets),
    apiUrlOf: apiUrlsOf(config),
  }
  const observe = ({ channel, state }: { channel: string; state: string }): void => metrics.sends.inc({ channel, fate: state })
  const sender = openSender({ ...shared, observe })
  const scan = config.scanCommand === '' ? {} : { scan: openScan(config.scanCommand) }
  const media = openMedia({ ...shared, uploads, sizeBytesMax: config.attachmentBytesMax, ...scan })
  const signals = openSignals(shared)
  const profiles = openProfiles(shared)
  const wakeups = openWakeups({ ...shared, timers, every })
  const tells = openTells(shared)
  const drops = openDrops({
    ...shared,
    removeFiles: openErasedFiles(log, uploads),
    clearDrafts: openErasedDrafts({
      log,
      reports: shared.reports,
      clock,
      agentIdsOf: (id) => options.settings.list('agent', id).map((agent) => agent.id),
    }),
    listContents: (subject, upToSeq, limit) => views.contentsOf(subject.id, upToSeq, limit),
  })
  const outbox = openOutbox({ log, tails, carriers: [sender, media, wakeups, tells, drops, signals, profiles], onError })
  const backfill = openBackfill({ ...shared, logger })
  return {
    ready: outbox.ready,
    webhookRefused: () => backfill.refused(),
    async close() {
      await backfill.close()
      await outbox.close()
      await Promise.all([sender.close(), media.close(), wakeups.close(), tells.close(), drops.close(), signals.close(), profiles.close()])
      await timers.close()
      await outgoing.close()
    },
  }
}
