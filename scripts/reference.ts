// The reference pages that the code writes itself: error codes, settings, topics, roles.
// Stands between the tables in src/ and docs/, so that no page can say what the code does not.

import { settingsTable } from '#config'
import { errors } from '#errors'
import { agentRoles, permissions, tokenRoles, type Role } from '#schemas'
import { TOPIC_PREFIX, topics, type TopicSettings } from '#topics'

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576

/** A cell must not end its own column. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

const page = (title: string, introduction: string, body: string): string =>
  `# ${title}\n\n<!-- Written by \`npm run docs:generate\`; change the code it names instead. -->\n\n${introduction}\n\n${body}\n`

const errorsPage = (): string =>
  page(
    'Error codes',
    'Every problem that Confab answers carries one of these codes in `code` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) over HTTP,' +
      ' `error` and `result` frames on the socket). "Repeat" says whether the same request may succeed later without a change; send it with the' +
      ' same `Idempotency-Key`. The list stands in `src/errors.ts`.',
    table(
      ['code', 'status', 'repeat', 'what it means'],
      Object.entries(errors).map(([code, { status, isRetryable, title }]) => [
        `\`${code}\``,
        String(status),
        isRetryable ? 'yes' : 'no',
        title,
      ]),
    ),
  )

const configurationPage = (): string =>
  page(
    'Settings',
    'Confab reads its settings from the environment, once, at the start; each has a default that works. `npx confab config` prints what is in' +
      ' force, and a wrong value is named with what was expected. The list stands in `src/config.ts`.',
    table(
      ['variable', 'default', 'what it does'],
      Object.values(settingsTable).map((setting) => [
        `\`${setting.name}\``,
        setting.default === '' ? '' : `\`${setting.default}\``,
        setting.description,
      ]),
    ),
  )

const kept = ({ cleanup, retentionMs }: TopicSettings): string => {
  const age = retentionMs === undefined ? '' : `${retentionMs / DAY_MS} d`
  switch (cleanup) {
    case 'delete':
      return age
    case 'latest':
      return `the newest of each key${age === '' ? '' : `, for ${age}`}`
    case 'unique':
      return 'for ever, unless erased'
  }
}

const topicsPage = (): string =>
  page(
    'Topics',
    `Everything Confab knows is in these topics of its log; where the log is shared their names begin with \`${TOPIC_PREFIX}\`. Public topics are` +
      ' a contract for the operator; the others may change in any release. The list stands in `src/topics.ts`.',
    table(
      ['topic', 'partitioned by', 'partitions', 'kept', 'record, at most', 'written under a lease by', 'public'],
      Object.entries<TopicSettings>(topics).map(([name, settings]) => [
        `\`${name}\``,
        settings.partitionBy,
        String(settings.partitions),
        kept(settings),
        `${settings.recordBytesMax / MEGABYTE} MB`,
        settings.owners.join(', '),
        settings.isPublic ? 'yes' : '',
      ]),
    ),
  )

const roles: readonly Role[] = [...agentRoles, ...tokenRoles]

const rolesPage = (): string =>
  page(
    'Roles',
    'What each role may do. The first five are for people, and for tokens that act for one; `bot` and `integration` are for programs. A visitor of a' +
      ' web chat has no row here: they see and write their own conversation only. The table stands in `schemas/permissions.ts`.',
    table(
      ['permission', ...roles],
      Object.entries<readonly Role[]>(permissions).map(([permission, those]) => [
        `\`${permission}\``,
        ...roles.map((role) => (those.includes(role) ? 'yes' : '')),
      ]),
    ),
  )

/** Path from the project's root to the text that must stand there. */
export const referencePages = (): Readonly<Record<string, string>> => ({
  'docs/errors.md': errorsPage(),
  'docs/configuration.md': configurationPage(),
  'docs/topics.md': topicsPage(),
  'docs/roles.md': rolesPage(),
})
