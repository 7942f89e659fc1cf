// The embedded form as the contract suite opens it, in this process and in children that are killed.
// Stands between the suite, which knows the port alone, and openEmbeddedLog.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedLog, type EmbeddedLogHandle } from '#log'
import type { LogForm, OpenOptions } from './log-form.ts'

const open = (place: string, options: OpenOptions = {}): Promise<EmbeddedLogHandle> => {
  const { holesSeed, now, ...rest } = options
  const holes = holesSeed === undefined ? {} : { holes: { seed: holesSeed } }
  return openEmbeddedLog({ directory: place, cleanIntervalMs: 0, ...holes, ...(now === undefined ? {} : { clock: now }), ...rest })
}

export const form: LogForm = {
  name: 'embedded',
  compaction: 'by-clean',
  module: import.meta.url,
  createPlace: () => mkdtemp(join(tmpdir(), 'confab-log-')),
  removePlace: (place) => rm(place, { recursive: true, force: true }),
  open,
  // Everything this suite opens is ours.
  clean: (log) => (log as EmbeddedLogHandle).clean(),
}
