// `confab token`: makes, lists and removes API tokens, and makes one-time sign-in links, on a running server.

import type { Command } from 'commander'
import { openRemote, withRemote, type RemoteOptions } from './remote.ts'

interface Listed {
  readonly items: readonly { readonly id: string; readonly name: string; readonly role: string; readonly expiresAt: string | null }[]
}

export const addToken = (program: Command): void => {
  const token = program.command('token').description('make, list and remove API tokens of a running server')
  withRemote(
    token
      .command('create <name>')
      .description('make a token; its text is shown once')
      .option('--role <role>', 'bot or integration', 'integration'),
  ).action(async (name: string, options: RemoteOptions & { role: string }) => {
    const made = await openRemote(options).call<{ id: string; token: string }>('/v1/tokens', { name, role: options.role })
    console.log(made.token)
    console.error(`Token ${made.id}. It is not shown again.`)
  })
  withRemote(token.command('list').description('all tokens, without their texts')).action(async (options: RemoteOptions) => {
    const { items } = await openRemote(options).call<Listed>('/v1/tokens')
    for (const { id, name, role, expiresAt } of items) console.log([id, role.padEnd(11), expiresAt ?? 'no end', name].join('  '))
  })
}
