// The command line: one program, one subcommand a file.
// Between a person at a terminal and a running server or its data directory.

import { Command } from 'commander'
import { ConfabError } from '#errors'
import { addConfig } from './config.ts'
import { addDeadLetters } from './dead-letters.ts'
import { addDoctor } from './doctor.ts'
import { addExport } from './export.ts'
import { addFake } from './fake.ts'
import { addFind } from './find.ts'
import { addImport } from './import.ts'
import { addServe } from './serve.ts'
import { addSimulate } from './simulate.ts'
import { addTail } from './tail.ts'
import { addToken } from './token.ts'
import { addTopics } from './topics.ts'

const program = new Command('confab')
  .description('A conversational messaging server: every conversation an actor, the log the only truth.')
  .showHelpAfterError('(add --help for what there is)')
  .addHelpText('after', '\nSettings come from the environment: `confab config docs` lists them all.')

for (const add of [
  addServe,
  addTail,
  addFind,
  addDeadLetters,
  addExport,
  addImport,
  addToken,
  addSimulate,
  addFake,
  addDoctor,
  addConfig,
  addTopics,
])
  add(program)

/** The disk's or the network's own words name the path or address; a stack adds nothing. */
const isSystemFault = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error && 'code' in error

// `confab tail | head`: a reader that has seen enough is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  if (process.argv.length <= 2) program.outputHelp()
  else await program.parseAsync()
} catch (error) {
  // Known faults are told in their own words; anything else is a bug, and its stack is what helps.
  if (error instanceof ConfabError) console.error(`confab: ${error.message} (${error.code})`)
  else if (isSystemFault(error)) console.error(`confab: ${error.message}`)
  else console.error(error)
  process.exitCode = 1
}
