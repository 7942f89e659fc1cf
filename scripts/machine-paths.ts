// Finds paths that exist on one machine only, in sources and documentation.
// Stands before whoever would commit them; the check of the documentation and the tests of style both ask it.

/** Home folders and work trees; the paths that images and manuals rightly name (/data, /app, /usr/bin) are none. */
const patterns = [/(?<![\w.~-])\/(?:home|Users)\/[\w.-]+\//, /(?<![\w.~:/-])\/(?:work|root)\/[\w.-]/, /\b[A-Z]:\\Users\\/]

/** One sentence for each line of `text` with such a path. */
export const machinePaths = (file: string, text: string): string[] =>
  text
    .split('\n')
    .flatMap((line, index) => (patterns.some((pattern) => pattern.test(line)) ? [`${file}:${index + 1}: names a path of one machine`] : []))
