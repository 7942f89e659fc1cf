#!/usr/bin/env node
// The entry of the command line: has Node keep what it compiles, then loads the rest, which a warm start reads instead of compiling it.
// Between the shell and program.ts. Beside the dependencies, because whoever may write there may change the program itself.

import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Node's own variable, no setting of ours: it is how threads find the directory. One that cannot be written costs a slower start, no more.
const { env } = process
env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'confab')
enableCompileCache(env['NODE_COMPILE_CACHE'])
await import('./program.ts')
