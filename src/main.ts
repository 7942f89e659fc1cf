// The composition root: opens a node in the order of the flow and closes it in reverse.
// Between the settings and the running node; the only place that knows every part, with src/node/ for the larger ones.

import type { Config } from '#config'
import { openCarriers, openFiles, openUploads, type Carriers } from '#effects'
import { openMetrics } from '#metrics'
import { openDataDirectory } from './data-directory.ts'
import { openFileLinks } from './file-links.ts'
import { adminTokenPath, runFirst } from './first-run.ts'
import { openCore } from './node/core.ts'
import { openDoors } from './node/doors.ts'
import { openLogger, openStack, type NodeTools, type Stack } from './node/tools.ts'
import { openNodeViews } from './node/views.ts'

export interface Node {
  /** How this machine reaches it. */
  readonly url: string
  /** Path of the one-time sign-in link that the first run made. */
  readonly signInPath: string | null
  readonly tokenPath: string
  /** Lets what was taken on end, then closes; safe to kill at any point. */
  stop(): Promise<void>
}

/** Opens everything; what fails on the way closes what was open. Throws the catalogue's errors. */
export const startNode = async (config: Config): Promise<Node> => {
  const stack = openStack()
  try {
    return await openNode(config, stack)
  } catch (error) {
    await stack.close()
    throw error
  }
}

const openNode = async (config: Config, stack: Stack): Promise<Node> => {
  openDataDirectory(config.dataDirectory)
  const tools: NodeTools = { logger: openLogger(config.logLevel), metrics: openMetrics({ ofProcess: true }), stack }
  const { logger, metrics } = tools
  const core = await openCore(config, tools)
  const { log, settings, clock, secrets } = core
  const links = openFileLinks(secrets.key('files'), clock)
  const { leave, ...nodeViews } = await openNodeViews(core, { ...tools, links })
  const uploads = openUploads(await openFiles(config.filesDirectory), core.drawKey)
  const late: { carriers?: Carriers } = {}
  // What is refused before the carriers are open, their first round reads back.
  const onWebhookRefused = (): void => late.carriers?.webhookRefused()
  const http = await openDoors(core, { ...tools, ...nodeViews, uploads, links, onWebhookRefused })
  // Before the doors close: the others are to ask elsewhere by then.
  stack.add(() => leave?.())
  const { signInPath } = await runFirst({ ...core, dataDirectory: config.dataDirectory })
  const port = await http.listen()
  if (config.duties.has('sender')) {
    late.carriers = openCarriers({
      ...core,
      views: nodeViews.views,
      uploads,
      fileUrlOf: (organizationId, fileId) => `${config.publicUrl}${links.providerPathOf(organizationId, fileId)}`,
      publicUrl: config.publicUrl,
      random: Math.random,
      logger,
      metrics,
    })
    stack.add(() => late.carriers?.close())
  }
  logger.info({ name: 'node.ready', port, logId: log.id, organizations: settings.organizations().length })
  return { url: `http://localhost:${port}`, signInPath, tokenPath: adminTokenPath(config.dataDirectory), stop: () => stack.close() }
}
