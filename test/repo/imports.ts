// The modules a source names, told apart by whether they are there at run time.
// Reads text, not syntax: good enough for sources that lint and format keep in one shape.

const pattern = /(?:^|\s)(?:import|export)\s(type\s)?[^'"()]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm

export interface Imports {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

/** The specifiers in `text`, in order. */
export const importsOf = (text: string): Imports => {
  const found = [...text.matchAll(pattern)].map(([, type, from, dynamic, bare]) => ({
    isType: type !== undefined,
    specifier: from ?? dynamic ?? bare ?? '',
  }))
  return {
    values: found.filter(({ isType }) => !isType).map(({ specifier }) => specifier),
    types: found.filter(({ isType }) => isType).map(({ specifier }) => specifier),
  }
}
