// Which form of the log a node has.
// Between the settings and the log port: nothing else of the program knows which form it runs on.

import { join } from 'node:path'
import { encode, leaseRecord } from '#schemas/log'
import type { Config } from '#config'
import { openEmbeddedLog, type EmbeddedLogOptions } from '#log'
import type { NodeTools } from './tools.ts'

export const openLog = (config: Config, { logger, metrics }: Pick<NodeTools, 'logger' | 'metrics'>) => {
  const options: EmbeddedLogOptions = {
    directory: join(config.dataDirectory, 'log'),
    synchronous: config.synchronous,
    logger,
    node: config.publicUrl,
    encodeOwnership: ({ owner, partition, epoch, node, at }) =>
      encode(leaseRecord, { owner, partition, epoch, node, url: config.publicUrl, at }),
    // Nothing can be acknowledged without the writer: a supervisor starts the process anew, and the log knows where it stood.
    onFailure: (error) => {
      logger.fatal({ name: 'log.failed', err: error })
      process.exit(1)
    },
    onPacket: ({ latencyMs }) => metrics.appendSeconds.observe({ door: 'log' }, latencyMs / 1000),
  }
  return openEmbeddedLog(options)
}
