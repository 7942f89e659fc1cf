// Builds the inbox and the chat widget with Vite into dist/, when they are missing or their sources changed.
// Stands in front of `npm start` and `npm test`: a hash of what goes in decides, so an unchanged tree costs milliseconds.

import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The two pages; each has src/NAME/vite.config.ts and is written to dist/NAME. */
const pages = ['inbox', 'chat'] as const

/** What the pages are made of: themselves, the client, the words they show, and the exact versions of all packages. */
const shared = ['src/client/**/*', 'src/views/folds.ts', 'src/views/folds/**/*', 'schemas/**/*', 'package-lock.json', 'tsconfig*.json']

const fingerprint = (page: string): string => {
  const hash = createHash('sha256')
  const files = globSync([`src/${page}/**/*`, ...shared], { cwd: root }).filter((file) => statSync(join(root, file)).isFile())
  for (const file of files.toSorted())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

const buildPage = async (page: string, isForced: boolean): Promise<void> => {
  const configFile = join(root, 'src', page, 'vite.config.ts')
  const outDir = join(root, 'dist', page)
  const stampPath = join(root, 'dist', `${page}.stamp`)
  const stamp = fingerprint(page)
  const isBuilt = existsSync(outDir) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp
  if (isBuilt && !isForced) return
  const startedAt = performance.now()
  // Imported only here: a start with everything built need not load Vite, and an image without it can still start.
  const { build } = await import('vite')
  rmSync(stampPath, { force: true })
  await build({ configFile, root: join(root, 'src', page), logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(stampPath, stamp)
  console.log(`built dist/${page} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
}

const { values } = parseArgs({ options: { force: { type: 'boolean', default: false } } })
for (const page of pages) await buildPage(page, values.force)
