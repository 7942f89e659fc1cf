// The project's own files, as the tests of style see them.
// Paths are relative to the project's root, with forward slashes.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const modules = (folders: string): string[] =>
  globSync(`${folders}/**/*.{ts,tsx,js}`, { cwd: root }).filter((path) => !path.endsWith('.d.ts'))

/** What runs in production. */
export const sources = modules('{schemas,actors,channels,src}').toSorted()

/** What the project is made and shown with. */
export const tooling = [...modules('scripts'), ...modules('bench'), ...globSync('*.config.ts', { cwd: root })].toSorted()

export const tests = modules('test').toSorted()

export const all = [...sources, ...tooling, ...tests]
