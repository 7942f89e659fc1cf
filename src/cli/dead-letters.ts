// `confab dead-letters`: looks at what could not be processed, sends it again in order, or discards it.
// Between an operator and the parked commands of a running server.

import type { Command } from 'commander'
import { openRemote, withRemote, type RemoteOptions } from './remote.ts'

interface Key {
  readonly key: string
  readonly actor: { readonly kind: string; readonly id: string } | null
  readonly isParked: boolean
  readonly count: number
  readonly since: string
  readonly letters: readonly {
    readonly offset: number | null
    readonly code: string
    readonly error: string
    readonly at: string
    readonly isPoison: boolean
    readonly type: string | null
  }[]
}

interface Settled {
  readonly replayed: number
  readonly discarded: number
  readonly parked: number
}

const pathOf = (key: string): string => `/v1/dead-letters/${encodeURIComponent(key)}`

const lineOf = ({ key, actor, isParked, count, since, letters }: Key): string => {
  const first = letters.find(({ isPoison }) => isPoison) ?? letters[0]
  const what = actor === null ? 'webhook' : `${actor.kind}${isParked ? ', parked' : ''}`
  return [key, what, `${count} waiting since ${since}`, `${first?.type ?? '-'}: ${first?.code ?? ''} ${first?.error ?? ''}`.trim()].join(
    '  ',
  )
}

const list = async (options: RemoteOptions & { json?: boolean }): Promise<void> => {
  const { items, total } = await openRemote(options).call<{ items: Key[]; total: number }>('/v1/dead-letters')
  for (const item of items) console.log(options.json === true ? JSON.stringify(item) : lineOf(item))
  if (total === 0) console.error('There are no dead letters.')
  if (total > items.length) console.error(`${total - items.length} more keys are not shown.`)
}

const show = async (key: string, options: RemoteOptions & { json?: boolean }): Promise<void> => {
  const shown = await openRemote(options).call<Key & { contents: unknown[] }>(pathOf(key))
  if (options.json === true) return console.log(JSON.stringify(shown))
  console.log(lineOf(shown))
  for (const [index, letter] of shown.letters.entries()) {
    console.log(`\n${index + 1}. ${letter.at}  offset ${letter.offset ?? '-'}  ${letter.type ?? '-'}  ${letter.code}  ${letter.error}`)
    console.log(JSON.stringify(shown.contents[index], null, 2))
  }
}

const report = (key: string, { replayed, discarded, parked }: Settled): void => {
  console.log(`${key}: ${replayed} sent again, ${discarded} discarded.`)
  if (parked === 0) return
  console.error(
    `It met the same fault or another: ${parked} are parked again, in their order. Nothing is lost; \`confab dead-letters show ${key}\` says why.`,
  )
  process.exitCode = 1
}

export const addDeadLetters = (program: Command): void => {
  const letters = program.command('dead-letters').description('what could not be processed: list, show, replay, discard')
  letters.addHelpText(
    'after',
    `
A command that an actor cannot decide parks its conversation (or contact): later commands wait behind it, in order.
After an upgrade that mends the fault, replay them; or discard what cannot be mended.

Examples:
  confab dead-letters list
  confab dead-letters show 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a
  confab dead-letters replay 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a
  confab dead-letters replay 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a --skip-poison
  confab dead-letters discard 5d0f0c1e-2b3c-8d4e-9f5a-6b7c8d9e0f1a`,
  )
  withRemote(letters.command('list').description('one line a key').option('--json', 'one JSON object a line')).action(list)
  withRemote(
    letters.command('show <key>').description('what the letters of a key hold, secrets masked').option('--json', 'as one JSON object'),
  ).action(show)
  withRemote(
    letters
      .command('replay <key>')
      .description('send the parked commands again, in order, before any later one')
      .option('--skip-poison', 'discard what was poison, send the rest'),
  ).action(async (key: string, options: RemoteOptions & { skipPoison?: boolean }) => {
    report(key, await openRemote(options).call<Settled>(`${pathOf(key)}/replay`, { skipPoison: options.skipPoison === true }))
  })
  withRemote(letters.command('discard <key>').description('forget them and end the parking; they cannot be brought back')).action(
    async (key: string, options: RemoteOptions) => {
      report(key, await openRemote(options).call<Settled>(`${pathOf(key)}/discard`, {}))
    },
  )
}
