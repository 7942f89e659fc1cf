// `confab config`: prints, checks and documents the settings.
// Between a person who sets the environment and the one table that defines it.

import type { Command } from 'commander'
import { loadConfig, settingsTable } from '#config'

const rows = Object.entries(settingsTable)

export const addConfig = (program: Command): void => {
  const config = program.command('config').description('print, check or explain the settings')
  config.addHelpText(
    'after',
    '\nExamples:\n  confab config                         what is in force\n  CONFAB_PORT=80 confab config check    would the server take it?\n  confab config docs',
  )
  config
    .command('print', { isDefault: true })
    .description('every setting as this environment sets it')
    .action(() => {
      const values = loadConfig() as unknown as Readonly<Record<string, unknown>>
      for (const [field, { name, isSecret }] of rows) {
        const value = values[field]
        const shown = Array.isArray(value) ? value.join(',') : String(value)
        console.log(`${name}=${isSecret === true && shown !== '' ? '(set)' : shown}`)
      }
    })
  config
    .command('check')
    .description('say what is wrong with the environment; exit code 1 when something is')
    .action(() => {
      loadConfig()
      console.log('The settings are good.')
    })
  config
    .command('docs')
    .description('explain every setting')
    .action(() => {
      for (const [, { name, description, default: fallback }] of rows) {
        console.log(`${name}\n  ${description}\n  default: ${fallback === '' ? '(none)' : fallback}\n`)
      }
    })
}
