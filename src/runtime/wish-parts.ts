// What every wish is made of: the facts it may look at, who may wish it, and the command it becomes.
// Between the table of wishes, in files by what they are about, and whoever carries them out.

import type { Contact, Conversation, Grants, Message, Permission, WishBody, WishName } from '#schemas'
import { deriveKeyed, type Account, type Attachment, type CommandData, type CommandType, type SubjectKind } from '#schemas/log'
import { ConfabError } from '#errors'

/** Everything a wish may look at, brought by whoever carries it out. */
export interface Facts {
  readonly grants: Grants
  readonly idKey: Buffer
  /** The client's own key, drawn where none came. */
  readonly key: string
  readonly clientKey: string | null
  readonly now: number
  readonly conversation: Conversation | null
  readonly message: Message | null
  readonly contact: Contact | null
  readonly account: Account | null
  /** Uploads named in the body, in their order. */
  readonly attachments: readonly Attachment[]
}

export interface Built {
  readonly type: CommandType
  readonly actor: { readonly kind: SubjectKind; readonly id: string }
  readonly data: CommandData[CommandType]
  /** The message it makes, known before the decision. */
  readonly messageId?: string
}

/** What must exist and be visible: `conversation`, `message` and `contact` by the target's id, `account` by the body's, `visitor` by the token. */
export type About = 'conversation' | 'message' | 'contact' | 'account' | 'visitor'

export interface Wish<N extends WishName> {
  readonly about: About
  /** null: nobody but the contact whose token it is. */
  permission(body: WishBody<N>, message: Message | null): Permission | null
  build(body: WishBody<N>, facts: Facts): Built
}

export const built = <T extends CommandType>(type: T, actor: Built['actor'], data: CommandData[T], messageId?: string): Built => ({
  type,
  actor,
  data,
  ...(messageId === undefined ? {} : { messageId }),
})

/** Facts that `about` has promised; a missing one is our own mistake. */
export const found = <T>(value: T | null): T => {
  if (value === null) throw new ConfabError('internal')
  return value
}

export const conversationOf = (facts: Facts): Built['actor'] => ({ kind: 'conversation', id: found(facts.conversation).id })
export const contactOf = (facts: Facts): Built['actor'] => ({ kind: 'contact', id: found(facts.contact).id })

/** An outbound message's id: of (conversation, principal, key), under a key that no client has. */
export const outboundIdOf = ({ idKey, grants, key }: Facts, conversationId: string): string =>
  deriveKeyed(idKey, 'outbound', [conversationId, grants.kind, grants.id, key])

export const messageTarget = (facts: Facts): { messageId: string } => ({ messageId: found(facts.message).id })

export const ofMessage =
  (permission: Permission) =>
  (_body: unknown, message: Message | null): Permission =>
    message?.direction === 'note' ? 'note.write' : permission

export const always = (permission: Permission) => (): Permission => permission
/** The actor merges; an empty value removes. */
export const changesOf = (attributes: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value ?? '']))

/** One wish a name. */
export type WishTable = { readonly [N in WishName]: Wish<N> }
