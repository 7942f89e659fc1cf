// Our message as a signed request to a connector's `sendUrl`; signals likewise, where it declares them.
// Between the sender and a program outside of Confab that speaks the platform (inbox.md's Source API, docs/channels/writing-one.md).

import { hash } from 'node:crypto'
import { blankContent, plainText, type Content } from '../content.ts'
import { made, nativeObject, refused, rendered, type Draft } from '../draft.ts'
import type { RenderContext, Rendering, RequestDescription, Signal } from '../shape.ts'
import { capabilities, kindsOf } from './capabilities.ts'
import { shown } from './content.ts'
import { signed } from './signature.ts'

export const secretsOf = (credentials: RenderContext['credentials']): string[] =>
  ['secret', 'previousSecret'].map((name) => credentials[name] ?? '').filter((secret) => secret !== '')

const asText = (content: Content): Draft<Content> => {
  const text = plainText(content)
  return text === ''
    ? refused('The connector does not show this kind of message.')
    : made({ ...blankContent(), kind: 'text', text }, `${content.kind}→text`)
}

const draftOf = (content: Content, context: RenderContext): Draft<Content> => {
  const { options } = context.account
  const { textLengthMax, attachmentsMax } = capabilities(options)
  if ((content.text ?? '').length > textLengthMax) return refused(`The text is longer than ${textLengthMax} characters.`)
  switch (content.kind) {
    case 'order':
    case 'story':
    case 'unsupported':
      return refused('This kind of message cannot be sent.')
    case 'text':
      return content.text === null || content.text === '' ? refused('The text is empty.') : made(content)
    case 'media':
      if (content.attachments.length === 0 || context.attachmentUrls.length < content.attachments.length)
        return refused('An attachment has no bytes to send.')
      if (content.attachments.length > attachmentsMax) return refused(`More than ${attachmentsMax} attachments.`)
      return kindsOf(options).includes('media') ? made(content) : refused('The connector takes no files.')
    case 'native': {
      const native = nativeObject(content.native)
      return typeof native === 'string' ? refused(native) : made(content)
    }
    default:
      return kindsOf(options).includes(content.kind) ? made(content) : asText(content)
  }
}

/** Who and where, as the connector named them. */
const conversationOf = ({ address, account, correlation }: RenderContext) => ({
  id: correlation?.conversationId ?? null,
  account: account.externalId,
  user: address.userId,
  thread: address.threadId,
})

const post = (context: RenderContext, id: string, body: object): RequestDescription => {
  const text = JSON.stringify(body)
  return {
    method: 'POST',
    url: context.account.options['sendUrl'] ?? '',
    headers: signed({ id, now: context.now ?? 0, secrets: secretsOf(context.credentials), body: text }),
    body: text,
  }
}

/** Without a `sendUrl` a message is sent by being in the log, where webhooks and sockets tell of it. */
export const render = (content: Content, context: RenderContext): Rendering => {
  const sendUrl = context.account.options['sendUrl'] ?? ''
  if (context.window === 'closed' && content.kind !== 'template')
    return { kind: 'refused', reason: 'window_closed', detail: 'The reply window is closed.' }
  if (sendUrl === '') return { kind: 'local' }
  const { correlation, now } = context
  // A proof without the time of sending would be refused by every library of Standard Webhooks.
  if (correlation === undefined || correlation === null || now === undefined)
    return { kind: 'refused', reason: 'other', detail: 'A signed send needs the message’s id and the time.' }
  const quote = context.replyTo === undefined || context.replyTo === null ? {} : { replyTo: context.replyTo }
  return rendered(draftOf(content, context), context, (draft) =>
    post(context, correlation.messageId, {
      type: 'message.send',
      message: { id: correlation.messageId, ...quote, content: shown(draft, context.attachmentUrls) },
      conversation: conversationOf(context),
    }),
  )
}

const bodyOf = (wanted: Signal, { options }: RenderContext['account']): object | null => {
  const can = capabilities(options)
  switch (wanted.kind) {
    case 'typing':
      return can.canType === true ? { type: 'typing', isTyping: wanted.isTyping } : null
    case 'read':
      return can.canMarkRead === true ? { type: 'message.read', id: wanted.providerMessageId } : null
    case 'react':
      return can.canReact === true ? { type: 'message.react', id: wanted.providerMessageId, emoji: wanted.emoji } : null
    case 'edit':
      return can.canEdit ? { type: 'message.edit', id: wanted.providerMessageId, text: wanted.text } : null
    case 'delete':
      return can.canDelete ? { type: 'message.delete', id: wanted.providerMessageId } : null
    case 'thread':
      return null
  }
}

/** Its id is that of its words, so that a repeat is known as one. */
export const signal = (wanted: Signal, context: RenderContext): RequestDescription | null => {
  const body = bodyOf(wanted, context.account)
  if (body === null || context.now === undefined || (context.account.options['sendUrl'] ?? '') === '') return null
  const whole = { ...body, conversation: conversationOf(context) }
  return post(
    context,
    `signal_${hash('sha256', JSON.stringify([whole, wanted.kind === 'typing' ? context.now : null])).slice(0, 32)}`,
    whole,
  )
}
