// `deploy`: the server is restarted under all its clients; how soon they are back, and whether any stays away.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { storm, words, type Storm } from './returning.ts'
import { clientsWithin, openBare, openConfab, withSite, type Site } from './socket-sites.ts'

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const clients = clientsWithin(isQuick ? 500 : 5_000, say)
  const measure = async (name: string, site: Site): Promise<Storm> => {
    const outcome = await storm(site, clients, () => site.restart())
    say(`${name}: ${words(outcome)}`)
    return outcome
  }
  say(`${clients} clients come back with full jitter below 250 ms doubled at each failure, 5 s at most`)
  const confab = await withSite(openConfab(clients), (site) => measure('confab', site))
  const ws = await withSite(openBare('ws'), (site) => measure('ws', site))
  const socketio = await withSite(openBare('recovery'), (site) => measure('socket.io', site))
  const figures = ({ p50Ms, p95Ms, allMs, ...rest }: Storm): Record<string, number> => ({
    p50Ms: round(p50Ms, 0),
    p95Ms: round(p95Ms, 0),
    allMs: round(allMs, 0),
    ...rest,
  })
  const named = (prefix: string, outcome: Storm): Record<string, number> =>
    Object.fromEntries(
      Object.entries(figures(outcome)).map(([name, value]) => [`${prefix}${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`, value]),
    )
  return { ...figures(confab), clients, ...named('baseline', ws), ...named('socketio', socketio) }
}

export const deploy: Benchmark = {
  name: 'deploy',
  explains:
    'SIGTERM and start of the server under 5,000 clients and traffic, one node: milliseconds from the signal until each is live again; baselines: bare ws, Socket.IO with recovery, the same back-off.',
  fields: 'p50Ms, p95Ms, allMs, neverBackPercent, refused (at first), deliveredPercent, duplicates; the same as baseline… and socketio…',
  goal: 'neverBackPercent 0, deliveredPercent 100, duplicates 0',
  run,
}
