// The credentials that Messenger, Instagram and WhatsApp share: the app that signs, and the token that sends.
// Between an account's settings, which seal the secret ones, and the three adapters.

import { Type, type TObject, type TProperties } from 'typebox'

const secret = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description, isSecret: true })

export const metaCredentials = (token: string): TObject =>
  Type.Object(
    {
      appId: Type.String({ pattern: '^\\d{1,32}$', description: 'The Meta app’s id: accounts of one app share its webhook.' }),
      appSecret: secret('The app’s secret: proves webhooks.'),
      previousAppSecret: Type.Optional(secret('Accepted in proofs while the secret is being changed.')),
      verifyToken: secret('A word of your choice: Meta says it back when you enter the webhook.'),
      accessToken: secret(token),
    },
    { additionalProperties: false },
  )

export const metaOptions = (more: TProperties = {}): TObject =>
  Type.Object(
    {
      apiVersion: Type.Optional(Type.String({ pattern: '^v\\d{1,3}\\.\\d{1,2}$', description: 'The Graph API’s version; v25.0.' })),
      appSecretProof: Type.Optional(
        Type.Union([Type.Literal('on'), Type.Literal('off')], { description: 'on where the app demands a proof with each request.' }),
      ),
      ratePerSecond: Type.Optional(Type.String({ pattern: '^\\d{1,4}(\\.\\d+)?$', description: 'Messages a second, at most.' })),
      ...more,
    },
    { additionalProperties: true },
  )

export const pageOptions: TProperties = {
  agentTag: Type.Optional(
    Type.String({ pattern: '^[A-Z_]{0,64}$', description: 'The tag under which agents answer after the window; HUMAN_AGENT, "" = none.' }),
  ),
  tag: Type.Optional(Type.String({ pattern: '^[A-Z_]{0,64}$', description: 'The tag for bots and programs after the window; none.' })),
  quotes: Type.Optional(Type.Union([Type.Literal('on'), Type.Literal('off')], { description: 'off = replies go without their quote.' })),
}
