// What a connector declares of its platform in the account's options, and what we assume where it says nothing.
// Between the author of a connector and the composer, which offers no more than that.

import { Type, type TObject } from 'typebox'
import type { Capabilities, ContentKind } from '../shape.ts'

const HOUR_MS = 3_600_000
const MEGABYTE = 1_048_576
const KINDS: readonly ContentKind[] = ['text', 'media', 'location', 'vcards', 'answer', 'choice', 'cards', 'template', 'native']

export type Options = Readonly<Record<string, string>>

const isOn = (options: Options, name: string): boolean => options[name] === 'on'

const numberIn = (options: Options, name: string, otherwise: number): number => {
  const value = Number(options[name])
  return Number.isFinite(value) && value > 0 ? value : otherwise
}

export const kindsOf = (options: Options): readonly ContentKind[] => {
  const declared = options['kinds']
  if (declared === undefined || declared.trim() === '') return KINDS
  const names = declared.split(',').map((name) => name.trim())
  return KINDS.filter((kind) => names.includes(kind))
}

export const capabilities = (options: Options = {}): Capabilities => ({
  kinds: kindsOf(options),
  textLengthMax: numberIn(options, 'textLengthMax', 16_384),
  attachmentsMax: Math.min(15, numberIn(options, 'attachmentsMax', 15)),
  attachmentBytesMax: numberIn(options, 'attachmentBytesMax', 25 * MEGABYTE),
  windowMs: options['windowHours'] === undefined ? null : numberIn(options, 'windowHours', 24) * HOUR_MS,
  hasReceipts: options['receipts'] === 'delivered' || options['receipts'] === 'read',
  hasReadReceipts: options['receipts'] === 'read',
  canEdit: isOn(options, 'edits'),
  canDelete: isOn(options, 'deletes'),
  canReact: isOn(options, 'reactions'),
  canReply: true,
  canType: isOn(options, 'typing'),
  canMarkRead: isOn(options, 'reads'),
})

export const isIdempotent = (options: Options): boolean => isOn(options, 'idempotent')

const word = (description: string) => Type.Optional(Type.Union([Type.Literal('on'), Type.Literal('off')], { description }))
const count = (description: string) => Type.Optional(Type.String({ pattern: '^\\d{1,12}$', description }))

export const optionsSchema: TObject = Type.Object(
  {
    sendUrl: Type.Optional(
      Type.String({ pattern: '^https?://', maxLength: 2048, description: 'Gets our messages; without it they stay here.' }),
    ),
    kinds: Type.Optional(Type.String({ description: `Kinds that it can show, by comma: ${KINDS.join(', ')}; all. Others come as text.` })),
    textLengthMax: count('Characters of a text; 16384.'),
    attachmentsMax: count('Files of a message; 15.'),
    attachmentBytesMax: count('Bytes of a file; 26214400.'),
    windowHours: count('Hours after the contact’s last message in which one may answer; always.'),
    receipts: Type.Optional(
      Type.Union([Type.Literal('none'), Type.Literal('delivered'), Type.Literal('read')], {
        description: 'What it reports of our messages; none.',
      }),
    ),
    edits: word('Whether messages of ours can be edited.'),
    deletes: word('Whether messages of ours can be taken back.'),
    reactions: word('Whether it shows our reactions.'),
    typing: word('Whether it shows that we type.'),
    reads: word('Whether it shows that we have read.'),
    idempotent: word('Whether a repeated webhook-id gets its first answer: then a send whose fate is open is repeated.'),
    ratePerSecond: Type.Optional(Type.String({ pattern: '^\\d{1,4}(\\.\\d+)?$', description: 'Messages a second, at most; 20.' })),
  },
  { additionalProperties: true },
)
