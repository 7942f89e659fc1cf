// `restart`: how long a server takes to be ready with its local views, and how fast views are rebuilt from the log without them.

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startServer } from '../test/harness.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { fill } from './fill.ts'

const startMs = async (dataDirectory: string): Promise<{ ms: number; stop: () => Promise<number | null> }> => {
  const startedAt = performance.now()
  const server = await startServer({ dataDirectory })
  return { ms: performance.now() - startedAt, stop: () => server.stop() }
}

/** Node itself, doing nothing: what no server can be faster than. */
const bareMs = async (): Promise<number> => {
  const { spawn } = await import('node:child_process')
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => child.once('exit', resolve))
  return performance.now() - startedAt
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const filled = await fill(
    isQuick ? { conversations: 10_000, messages: 100_000, say } : { conversations: 100_000, messages: 1_000_000, say },
  )
  try {
    const first = await startMs(filled.dataDirectory)
    await first.stop()
    const again = await startMs(filled.dataDirectory)
    await again.stop()
    const views = join(filled.dataDirectory, 'views')
    for (const file of await readdir(views)) await rm(join(views, file), { recursive: true })
    const rebuilt = await startMs(filled.dataDirectory)
    await rebuilt.stop()
    const rebuildPerSecond = filled.messages / (rebuilt.ms / 1000)
    const baselineMs = await bareMs()
    say(`ready in ${round(again.ms, 0)} ms with local views, ${round(rebuilt.ms, 0)} ms rebuilding; node alone ${round(baselineMs, 0)} ms`)
    return {
      ratio: round(again.ms / baselineMs),
      readyMs: round(again.ms, 0),
      rebuildPerSecond: round(rebuildPerSecond, 0),
      baselineMs: round(baselineMs, 0),
      messages: filled.messages,
    }
  } finally {
    await filled.remove()
  }
}

export const restart: Benchmark = {
  name: 'restart',
  explains:
    'From spawn to /readyz with local views, and the rebuild of deleted views, with 1,000,000 messages (quick: 100,000); baseline: starting node with nothing to do.',
  fields: 'readyMs, rebuildPerSecond (messages), ratio (readyMs to bare node)',
  goal: 'readyMs < 1000, rebuildPerSecond >= 50000',
  run,
}
