// `confab token`: makes, lists and removes API tokens, and makes one-time sign-in links.
// Between an operator and the settings of a running server.

import type { Command } from 'commander'
import { ConfabError } from '#errors'
import { openRemote, withRemote, type RemoteOptions } from './remote.ts'

interface Tokens {
  readonly items: readonly { readonly id: string; readonly name: string; readonly role: string; readonly expiresAt: string | null }[]
}
interface Agents {
  readonly items: readonly { readonly id: string; readonly email: string; readonly isActive: boolean }[]
}

const addCreate = (token: Command): void => {
  withRemote(
    token
      .command('create <name>')
      .description('make a token; its text is printed once, alone on standard output')
      .option('--role <role>', 'bot, integration, or an agent role such as admin, for your own use', 'integration')
      .option('--expires <time>', 'when it ends, such as 2027-01-01T00:00:00Z (default: never)'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  confab token create "CRM sync"\n  TOKEN=$(confab token create helper --role bot --expires 2027-01-01T00:00:00Z)',
    )
    .action(async (name: string, options: RemoteOptions & { role: string; expires?: string }) => {
      const expiresAt = options.expires === undefined ? {} : { expiresAt: timeOf(options.expires) }
      const made = await openRemote(options).call<{ id: string; token: string }>('/v1/tokens', { name, role: options.role, ...expiresAt })
      console.log(made.token)
      console.error(`Token ${made.id}. It is not shown again.`)
    })
}

const timeOf = (text: string): string => {
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new ConfabError('option_invalid', { detail: '--expires expects a time such as 2027-01-01T00:00:00Z.' })
  return new Date(time).toISOString()
}

const addSignIn = (token: Command): void => {
  withRemote(token.command('sign-in <email>').description('make a link that signs an agent in once, within 24 hours'))
    .addHelpText('after', '\nExample:\n  confab token sign-in owner@localhost')
    .action(async (email: string, options: RemoteOptions) => {
      const remote = openRemote(options)
      const { items } = await remote.call<Agents>('/v1/agents')
      const agent = items.find((each) => each.isActive && each.email.toLowerCase() === email.trim().toLowerCase())
      if (agent === undefined) {
        const known = items.filter(({ isActive }) => isActive).map((each) => each.email)
        throw new ConfabError('option_invalid', {
          detail: `No active agent has the e-mail ${email}. There are: ${known.slice(0, 10).join(', ')}.`,
        })
      }
      const { url, expiresAt } = await remote.call<{ url: string; expiresAt: string }>(`/v1/agents/${agent.id}/sign-in-link`, {})
      console.log(url)
      console.error(`It works once, until ${expiresAt}.`)
    })
}

export const addToken = (program: Command): void => {
  const token = program.command('token').description('API tokens and sign-in links of a running server')
  token.addHelpText(
    'after',
    '\nExamples:\n  confab token create "CRM sync"\n  confab token list\n  confab token remove 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a\n  confab token sign-in owner@localhost',
  )
  addCreate(token)
  withRemote(token.command('list').description('all tokens, without their texts')).action(async (options: RemoteOptions) => {
    const { items } = await openRemote(options).call<Tokens>('/v1/tokens')
    for (const { id, name, role, expiresAt } of items) console.log([id, role.padEnd(11), expiresAt ?? 'no end', name].join('  '))
  })
  withRemote(token.command('remove <id>').description('remove a token; it stops working at once, sockets included')).action(
    async (id: string, options: RemoteOptions) => {
      await openRemote(options).remove(`/v1/tokens/${encodeURIComponent(id)}`)
      console.log(`Token ${id} is removed.`)
    },
  )
  addSignIn(token)
}
