// A log and its views in a temporary directory, opened and closed with a test.
// Between the tests and the two ports.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import { openEmbeddedLog, type EmbeddedLogOptions, type Log } from '#log'
import { openViews, type AsOf, type Views, type ViewsOptions } from '#views'
import { topics } from '#topics'
import { World } from './world.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export interface Site {
  readonly log: Log
  readonly directory: string
  readonly world: World
  views: Views
  /** Writes what the world has gathered and lets the views, search included, apply it. */
  settle(): Promise<AsOf>
  reopen(): Promise<void>
}

/** Waits for a condition, not for a time; the bound only ends a test that would hang. */
export const until = async (isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = Date.now() + 20_000
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await sleep(2)
  }
}

const endsOf = async (log: Log): Promise<AsOf> => {
  const wanted = (['events', 'contact-events', 'marks'] as const).flatMap((topic) =>
    Array.from({ length: topics[topic].partitions }, (_, partition) => ({ topic, partition })),
  )
  return Promise.all(wanted.map(async ({ topic, partition }) => ({ topic, partition, offset: (await log.bounds(topic, partition)).end })))
}

const isAhead = (asOf: AsOf, wanted: AsOf): boolean =>
  wanted.every(
    ({ topic, partition, offset }) => (asOf.find((each) => each.topic === topic && each.partition === partition)?.offset ?? 0) >= offset,
  )

export const openSite = async (
  context: TestContext,
  options: { readonly log?: Partial<EmbeddedLogOptions>; readonly views?: Partial<ViewsOptions> } = {},
): Promise<Site> => {
  const directory = mkdtempSync(join(tmpdir(), 'confab-views-'))
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), synchronous: 'OFF', cleanIntervalMs: 0, ...options.log })
  const open = (): Promise<Views> =>
    openViews({ log, directory: join(directory, 'views'), clock: Date.now, logger: silent, ...options.views })
  const world = new World()
  const site: Site = {
    log,
    world,
    directory: join(directory, 'views'),
    views: await open(),
    settle: async () => {
      await world.commit(log)
      const ends = await endsOf(log)
      if (!(await site.views.waitFor(ends, 20_000))) throw new Error('the views did not apply what was committed')
      // Search has a file and a pace of its own.
      const viewer = { grants: { organizationId: 'nobody', kind: 'agent', id: 'nobody', role: 'agent', accountIds: null } } as const
      await until(
        async () => isAhead((await site.views.search(viewer, { text: 'x', type: 'message' })).asOf, ends),
        'search has applied what was committed',
      )
      return ends
    },
    reopen: async () => {
      await site.views.close()
      site.views = await open()
    },
  }
  context.after(async () => {
    await site.views.close()
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  })
  await until(() => site.views.isReady(), 'the views are ready')
  return site
}
