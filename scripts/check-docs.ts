// `npm run check:docs`: the documentation says what the code does, and every link and command in it exists.
// With --write (`npm run docs:generate`) it first writes the reference pages anew.

import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machinePaths } from './machine-paths.ts'
import { referencePages } from './reference.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }

const isForeign = (path: string): boolean => /(?:^|\/)(?:node_modules|dist|data|coverage|artifacts)(?:\/|$)/.test(path)
const pages = globSync('**/*.md', { exclude: isForeign }).concat(globSync('.changeset/*.md')).toSorted()

const staleReference = (): string[] =>
  Object.entries(referencePages()).flatMap(([path, text]) => {
    if (values.write) writeFileSync(path, text)
    const present = existsSync(path) ? readFileSync(path, 'utf8') : undefined
    return present === text ? [] : [`${path}: differs from the code; run \`npm run docs:generate\``]
  })

/** The anchor that a reader of the page's source platform gets for a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')

const withoutCode = (text: string): string => text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')

const anchorsOf = (path: string): string[] =>
  [
    ...readFileSync(path, 'utf8')
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/^#{1,6} (.+)$/gm),
  ].map(([, heading = '']) => anchorOf(heading))

const brokenLinks = (page: string, text: string): string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return []
    const [path = '', anchor] = decodeURI(link).split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(target)) return [`${page}: the link ${link} leads nowhere`]
    if (anchor === undefined || !target.endsWith('.md') || anchorsOf(target).includes(anchor)) return []
    return [`${page}: ${target} has no heading for #${anchor}`]
  })

const missingScripts = (page: string, text: string): string[] =>
  [...text.matchAll(/\bnpm (?:run )?(?:-s |--silent )?([a-z][a-z0-9:-]*)/g)].flatMap(([command, name = '']) => {
    const isOwn = command.startsWith('npm run') || name === 'start' || name === 'test'
    return isOwn && scripts[name] === undefined ? [`${page}: there is no script for \`${command}\``] : []
  })

const registryAddresses = (): string[] =>
  /"resolved":|https?:\/\/[^"]*registry/.test(readFileSync('package-lock.json', 'utf8'))
    ? ['package-lock.json: carries registry addresses; keep .npmrc and run `node scripts/complete-lock.ts`']
    : []

const problems = [
  ...staleReference(),
  ...registryAddresses(),
  ...pages.flatMap((page) => {
    const text = readFileSync(page, 'utf8')
    return [...brokenLinks(page, text), ...missingScripts(page, text), ...machinePaths(page, text)]
  }),
]

for (const problem of problems) console.error(problem)
console.log(`${pages.length} pages checked, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
