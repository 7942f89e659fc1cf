// Wishes about contacts, and those that the contact of a web chat has: to be told apart, blocked, erased; to react, to have read.
// Between the bodies that doors have checked and the commands contact.*.

import type { WishBody } from '#schemas'
import { always, built, changesOf, contactOf, found, type Built, type Facts, type WishTable } from './wish-parts.ts'

const changeContact = (body: WishBody<'contact.change'>, facts: Facts): Built => {
  const before = found(facts.contact)
  const { attributes, ...fields } = body
  const isProfile = Object.keys(fields).length > 0
  const profile = {
    name: before.name,
    emails: before.emails,
    phones: before.phones,
    locale: before.locale,
    timezone: before.timezone,
    company: before.company,
    avatarUrl: before.avatar,
    userId: before.identities[0]?.userId ?? null,
    ...fields,
  }
  return built('contact.change', contactOf(facts), {
    profile: isProfile ? profile : null,
    attributes: attributes === undefined ? null : changesOf(attributes),
  })
}

export const contactWishes = {
  'contact.change': { about: 'contact', permission: always('contact.change'), build: changeContact },
  'contact.label': {
    about: 'contact',
    permission: always('contact.change'),
    build: ({ add, remove }, facts) => built('contact.label', contactOf(facts), { add: add ?? [], remove: remove ?? [] }),
  },
  'contact.block': {
    about: 'contact',
    permission: always('contact.block'),
    build: (_body, facts) => built('contact.block', contactOf(facts), {}),
  },
  'contact.unblock': {
    about: 'contact',
    permission: always('contact.block'),
    build: (_body, facts) => built('contact.unblock', contactOf(facts), {}),
  },
  'contact.erase': {
    about: 'contact',
    permission: always('contact.erase'),
    build: ({ reason }, facts) => built('contact.erase', contactOf(facts), { reason }),
  },
  'contact.react': {
    about: 'visitor',
    permission: () => null,
    build: ({ messageId, emoji }, { grants, now }) =>
      built('message.react', { kind: 'conversation', id: found(grants.conversationId ?? null) }, { messageId, emoji, at: now }),
  },
  'contact.acknowledge': {
    about: 'visitor',
    permission: () => null,
    build: ({ deliveredUpTo, readUpTo }, { grants }) =>
      built(
        'contact.acknowledge',
        { kind: 'conversation', id: found(grants.conversationId ?? null) },
        { deliveredUpTo: deliveredUpTo ?? null, readUpTo: readUpTo ?? null },
      ),
  },
} satisfies Partial<WishTable>
