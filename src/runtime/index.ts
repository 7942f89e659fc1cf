// The runtime: where pure actors meet the log. Partition owners decide commands in order and commit events, snapshots,
// rows, effects and outcomes in one transaction; the settings projection and the command door stand beside them.

export { openCommands } from './commands.ts'
export type { Answer, Commands, Submission } from './commands.ts'
export { limitCommands } from './allowance.ts'
export { openSettings } from './settings.ts'
export type { Settings } from './settings.ts'
export { openOwners } from './owners.ts'
export type { Owners, OwnersOptions } from './owners.ts'
export { accountOf, commandsOf, contactIdOf, conversationIdOf, messageIdOf, sealOf } from './intake.ts'
export type { IntakeContext } from './intake.ts'
export { recordOf } from './commands.ts'
export { openWishes } from './wishes.ts'
export type { Fulfilled, Passed, Wishes, WishesOptions, WishRequest } from './wishes.ts'
export { openSettingWishes } from './setting-wishes.ts'
export type { SettingWishes, SettingWishesOptions, Written } from './setting-wishes.ts'
export { openDeadLetters } from './dead-letters.ts'
export type { DeadLetters, DeadLettersOptions, Letter, LetterKey, Replayed } from './dead-letters.ts'
