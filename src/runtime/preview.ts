// What a channel will make of a message, before anything is queued: shown as it is, otherwise than it is, or refused with the reason.
// Between a wish to send and its command; renders with nothing that is secret, and sends nothing.

import { channelOf } from '#channels'
import type { Account, Address, MessageContent } from '#schemas/log'
import { ConfabError } from '#errors'

const NOWHERE = 'https://preview.invalid'
const NOBODY = '00000000-0000-8000-8000-000000000000'

/** What the contact is shown otherwise. Throws `content_refused`. A closed window, and what changes till then, is for others to judge. */
export const degradedOf = (
  account: Pick<Account, 'channel' | 'externalId' | 'options'>,
  content: MessageContent,
  address: Pick<Address, 'userId'>,
): readonly string[] => {
  const provider = channelOf(account.channel)?.provider
  if (provider === undefined || provider === null) return []
  const native = content.overrides?.[account.channel]
  const said: MessageContent = native === undefined ? content : { ...content, kind: 'native', text: null, attachments: [], native }
  const parts = provider.split?.(said, account.externalId) ?? [said]
  const degraded = parts.flatMap((part) => {
    const rendering = provider.render(part, {
      credentials: {},
      apiUrl: NOWHERE,
      account,
      address: { userId: address.userId, threadId: null, accountAddress: account.externalId },
      callbackUrl: null,
      attachmentUrls: part.attachments.map(() => `${NOWHERE}/file`),
      correlation: { conversationId: NOBODY, messageId: NOBODY, seal: '' },
      window: 'open',
      author: 'agent',
      isStrict: content.isStrict === true,
      now: 0,
    })
    if (rendering.kind === 'refused') throw new ConfabError('content_refused', { detail: rendering.detail })
    return rendering.kind === 'degraded' ? rendering.degraded : []
  })
  return [...new Set(degraded)]
}
