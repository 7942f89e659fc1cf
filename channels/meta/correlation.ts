// Our ids as one text that Meta carries: `metadata` of a page's message, `biz_opaque_callback_data` of WhatsApp's.
// Between a send whose answer may be lost and the echo or status that proves it happened.

import type { Correlation } from '../events.ts'

const MARK = 'confab'
const PART_LENGTH_MAX = 128

export const carried = ({ conversationId, messageId, seal }: Correlation): string => [MARK, conversationId, messageId, seal].join('.')

/** null = not of our making; the seal is still to be checked. */
export const correlationIn = (text: string | null): Correlation | null => {
  if (text === null || !text.startsWith(`${MARK}.`) || text.length > 4 * PART_LENGTH_MAX) return null
  const [, conversationId, messageId, seal, ...more] = text.split('.')
  if (conversationId === undefined || messageId === undefined || seal === undefined || more.length > 0) return null
  return { conversationId, messageId, seal }
}
