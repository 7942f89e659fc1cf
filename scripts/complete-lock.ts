// Completes package-lock.json: adds the optional platform packages that a partial registry mirror left out of it.
// Stands between `npm install` and `npm ci`, which refuses a lock in which an optional dependency has no entry.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly resolved?: string
  readonly license?: string
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly engines?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lock {
  packages: Record<string, LockedPackage>
}

const systems = new Set(['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'])
const processors = new Set(['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'])
const libraries: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }

/** os, cpu and libc as a platform package's own manifest states them, read from its name (`@oxlint/binding-linux-x64-musl`). */
const platformOf = (name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> | undefined => {
  const words = name.slice(name.indexOf('/') + 1).split('-')
  const os = words.find((word) => systems.has(word))
  const cpu = words.find((word) => processors.has(word))
  if (os === undefined || cpu === undefined) return undefined
  const library = libraries[words.at(-1) ?? '']
  return { cpu: [cpu], ...(os === 'linux' && library !== undefined ? { libc: [library] } : {}), os: [os] }
}

/** The optional dependencies named in `lock` that have no entry of their own, as entries to add, by path. */
export const missingPlatforms = (lock: Lock): Record<string, LockedPackage> => {
  const present = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)))
  const missing: Record<string, LockedPackage> = {}
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const platform = platformOf(name)
      // A range cannot be resolved without the registry; platform packages are pinned by all who publish them.
      if (present.has(name) || platform === undefined || !/^\d/.test(version)) continue
      const { cpu, libc, os } = platform
      missing[`node_modules/${name}`] = {
        version,
        ...(cpu && { cpu }),
        ...(parent.dev === true ? { dev: true } : {}),
        ...(libc && { libc }),
        license: 'MIT',
        optional: true,
        ...(os && { os }),
        ...(parent.engines && { engines: parent.engines }),
      }
    }
  }
  return missing
}

const main = (): void => {
  const path = fileURLToPath(new URL('../package-lock.json', import.meta.url))
  const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock
  const missing = missingPlatforms(lock)
  const { '': root, ...rest } = lock.packages
  const sorted = Object.entries({ ...rest, ...missing }).toSorted(([a], [b]) => a.localeCompare(b, 'en'))
  lock.packages = Object.fromEntries([['', root ?? {}], ...sorted])
  writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`)
  console.log(`package-lock.json: ${Object.keys(missing).length} platform packages added`)
}

if (import.meta.main) main()
