// One line of a message for the list: its text, or what stands in for it.
// Between a message's content and the row of its conversation.

import type { Content } from '#schemas'

export const PREVIEW_CHARACTERS = 160

const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= PREVIEW_CHARACTERS ? line : `${line.slice(0, PREVIEW_CHARACTERS - 1).trimEnd()}…`
}

/** Text in one line; for what has none, its kind or its file's name in brackets, which clients translate. */
export const previewOf = (content: Content | null): string => {
  if (content === null) return ''
  const text = content.text ?? content.answer?.text
  if (text !== undefined && text.trim() !== '') return oneLine(text)
  const file = content.attachments?.[0]
  if (file !== undefined) return `[${file.name ?? file.kind}]`
  if (content.template !== undefined) return `[${content.template.name}]`
  if (content.location?.name !== undefined && content.location.name !== null) return oneLine(content.location.name)
  return content.kind === 'text' ? '' : `[${content.kind}]`
}
