// `confab doctor`: looks at settings, data directory, secret, log, views, disk and port.
// Between a person whose server does not start and what is wrong, in plain words.

import type { Command } from 'commander'
import { loadConfig } from '#config'
import { findingsOf } from './findings.ts'

const MARKS = { ok: '✓', warn: '!', fail: '✗' } as const

export const addDoctor = (program: Command): void => {
  program
    .command('doctor')
    .description('check settings, data directory, log, secret, views, disk and port')
    .option('--deep', 'also read the whole log for damage; slow where it is large')
    .addHelpText(
      'after',
      `
Only looks, changes nothing, and may run beside a server. Exit code 1 when something must be mended.

Examples:
  confab doctor
  CONFAB_DATA_DIR=/restored/data confab doctor --deep    is this backup whole?`,
    )
    .action(async (options: { deep?: boolean }) => {
      const findings = await findingsOf(loadConfig(), { isDeep: options.deep === true })
      console.log(`${MARKS.ok} the settings are good`)
      for (const { level, text } of findings) console.log(`${MARKS[level]} ${text}`)
      if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1
    })
}
