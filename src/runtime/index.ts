// The runtime: where pure actors meet the log. Partition owners decide commands in order and commit events, snapshots,
// rows, effects and outcomes in one transaction; the settings projection and the command door stand beside them.

export { openCommands } from './commands.ts'
export type { Answer, Commands, Submission } from './commands.ts'
export { openSettings } from './settings.ts'
export type { Settings } from './settings.ts'
export { openOwners } from './owners.ts'
export type { Owners } from './owners.ts'
