// Opening the views: which files, which older ones go, then the threads.
// Between the composition root and the views.

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PublicNameOf } from '#schemas/log'
import type { Log } from '#log'
import type { FeederLogger, ViewsSample } from './feeding.ts'
import { removeFile } from './file.ts'
import { fileNameOf, rowsLayout, searchLayout, viewsVersion } from './layout.ts'
import type { FoldedViews } from './index.ts'
import { SqliteViews } from './views.ts'

export interface ViewsOptions {
  readonly log: Log
  /** Created when missing; holds `views-<version>.db` and `search-<version>.db`, which may be deleted at any moment. */
  readonly directory: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly logger: FeederLogger
  /** Called for each packet a writer thread has applied. */
  readonly onMetrics?: (sample: ViewsSample) => void
  /** Makes an attachment's signed url; called on the main thread as messages leave. */
  readonly fileUrl?: (organizationId: string, fileId: string) => string
  /** The name under which a contact is shown an author. */
  readonly publicNameOf?: PublicNameOf
  /** Which partitions of conversations are folded; all by default. `fold` changes them. */
  readonly partitions?: ReadonlySet<number>
}

const OURS = /^(?:views|search)-[0-9a-f]{12}\.db/

/** Another version's files hold nothing that the log does not. */
const removeOlder = (directory: string, kept: readonly string[]): void => {
  const older = new Set(readdirSync(directory).flatMap((name) => OURS.exec(name)?.[0] ?? []))
  for (const name of older) if (!kept.includes(name)) removeFile(join(directory, name))
}

/**
 * Opens the views of a log and begins to tail it. Quick whatever their size; `isReady` tells when they have caught up.
 * A file that is missing, damaged, of another log or ahead of it is folded anew.
 */
export const openViews = async (options: ViewsOptions): Promise<FoldedViews> => {
  const { directory, log, logger } = options
  mkdirSync(directory, { recursive: true })
  const version = viewsVersion()
  const [viewsFile, searchFile] = [fileNameOf(rowsLayout, version), fileNameOf(searchLayout, version)]
  removeOlder(directory, [viewsFile, searchFile])
  const views = new SqliteViews({
    log,
    logger,
    clock: options.clock,
    viewsFile: join(directory, viewsFile),
    searchFile: join(directory, searchFile),
    onMetrics: options.onMetrics ?? (() => undefined),
    fileUrl: options.fileUrl,
    publicNameOf: options.publicNameOf,
    partitions: options.partitions,
  })
  await views.start()
  return views
}
