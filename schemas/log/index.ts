// The words of the log: Avro records, their types and their bytes.
// Node only: between the log and all who write or read it; browsers take types from here and nothing else.

export * from './avro.ts'
export * from './words.ts'
export * from './events.ts'
export * from './contents.ts'
export * from './commands.ts'
export * from './states.ts'
export * from './effects.ts'
export * from './ownership.ts'
export * from './generations.ts'
export * from './telemetry.ts'
export * from './settings.ts'
export * from './codec.ts'
export * from './compatibility.ts'
export * from './json.ts'
export * from './readable.ts'
export * from '../ids.ts'
