// A content of each kind, and the context of a send, for the tests of every channel.

import type { Content, RenderContext } from '#channels'
import type { Attachment } from '#schemas/log'

export const blank: Content = {
  kind: 'text',
  text: null,
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
}

export const file = (kind: Attachment['kind'], contentType: string, name: string | null = null): Attachment => ({
  kind,
  fileId: '00000000-0000-8000-8000-00000000000f',
  state: 'ready',
  sourceUrl: null,
  name,
  contentType,
  sizeBytes: 1000,
  sha256: null,
})

export const option = (title: string, more: Partial<NonNullable<Content['choice']>['options'][number]> = {}) => ({
  title,
  payload: null,
  description: null,
  url: null,
  ...more,
})

export const choice = (style: 'buttons' | 'quick-replies' | 'list', titles: readonly string[]): Content => ({
  ...blank,
  kind: 'choice',
  text: 'Which one?',
  choice: { style, header: null, footer: null, opener: null, options: titles.map((title) => option(title)) },
})

/** One of each kind, as an agent or bot would say it. */
export const samples = {
  text: { ...blank, text: 'Grüße & more 🙂' },
  media: { ...blank, kind: 'media', attachments: [file('image', 'image/jpeg')] },
  location: { ...blank, kind: 'location', location: { latitude: 52.5, longitude: 13.4, name: 'Tower', address: 'A street 1' } },
  answer: { ...blank, kind: 'answer', text: 'Yes', answer: { text: 'Yes', payload: 'Y', answersProviderId: null } },
  template: {
    ...blank,
    kind: 'template',
    template: { name: 'order_shipped', language: 'en_US', parameters: [{ name: '1', value: 'A-17' }] },
  },
  native: { ...blank, kind: 'native', native: '{"type":"text","text":{"body":"as it is"}}' },
  choice: choice('buttons', ['Blue', 'Red']),
  cards: {
    ...blank,
    kind: 'cards',
    cards: [{ title: 'Chair', text: 'Oak', image: 0, url: 'https://shop.example/chair', options: [option('Buy', { payload: 'buy:1' })] }],
    attachments: [file('image', 'image/png')],
  },
  vcards: {
    ...blank,
    kind: 'vcards',
    vcards: [{ name: 'Ada Love', phones: ['+15550101'], emails: ['ada@example.com'], organization: 'Engines' }],
  },
  order: { ...blank, kind: 'order', order: { catalogId: '1', items: [{ productId: 'p', quantity: 2, price: 30, currency: 'USD' }] } },
  story: { ...blank, kind: 'story', text: 'Nice!', story: { relation: 'reply', storyId: '1' } },
  unsupported: { ...blank, kind: 'unsupported' },
} as const satisfies Record<Content['kind'], Content>

export const correlation = {
  conversationId: '00000000-0000-8000-8000-00000000000c',
  messageId: '00000000-0000-8000-8000-00000000000d',
  seal: '0123456789abcdef0123456789abcdef',
}

export const contextOf = (more: Partial<RenderContext> = {}): RenderContext => ({
  apiUrl: 'https://api.example',
  credentials: {},
  address: { userId: '16505551234', threadId: null, accountAddress: '106540352242922' },
  account: { externalId: '106540352242922', options: {} },
  callbackUrl: null,
  attachmentUrls: ['https://confab.example/v1/files/1?signed'],
  correlation,
  now: 1_790_000_000_000,
  ...more,
})
