// Archives of a site: what `confab export` writes and `confab import` reads, to back a site up or to move it between forms of the log.
// Between two sites and a directory; the only door of this folder.

export { exportErasures, exportSite } from './export.ts'
export type { Exported, ExportOptions, Progress } from './export.ts'
export { importSite } from './import.ts'
export type { Imported, ImportOptions } from './import.ts'
export type { Erasure, Key, Sealing } from './manifest.ts'
