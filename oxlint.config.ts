// The rules of lint: lost promises, unsafe types, house style, and the layers of scripts/layers.ts as import rules.
// Stands in `npm run check`; every rule here has found a real mistake somewhere or guards a boundary.

import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { defineConfig, type OxlintOverride } from 'oxlint'
import { covers, layers, pureFiles, type Layer } from './scripts/layers.ts'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly imports: Record<string, string>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
}

const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })

/** Every module the project could import; what is on no list at all is knip's to find. */
const modules = [...Object.keys(manifest.imports), ...packages, ...builtinModules.map((name) => `node:${name.replace(/^node:/, '')}`)]

/** One pattern for `names`, packages with all their subpaths; regex, because globs read the `#` of our own names as a comment. */
const anyOf = (names: readonly string[]): string =>
  `^(?:${names.map((name) => name.replaceAll(/[.\\/+]/g, '\\$&') + (packages.includes(name) ? '(?:/.*)?' : '')).join('|')})$`

const isCovered = (patterns: readonly string[], name: string): boolean => patterns.some((pattern) => covers(pattern, name))

const interpreters = [
  'createActor',
  'interpret',
  'fromPromise',
  'fromCallback',
  'fromObservable',
  'fromEventObservable',
  'waitFor',
  'toPromise',
]

const patternsOf = ({ name, may, mayTypes = [], never = [] }: Layer): object[] => {
  const forbidden = modules.filter((module) => !isCovered(may, module) && !isCovered(mayTypes, module))
  const typesOnly = modules.filter((module) => isCovered(mayTypes, module) && (!isCovered(may, module) || never.includes(module)))
  const refused = never.filter((module) => !isCovered(mayTypes, module))
  return [
    { regex: anyOf(forbidden), message: `The layer "${name}" may not import this; see scripts/layers.ts.` },
    {
      regex: anyOf(typesOnly),
      allowTypeImports: true,
      message: `The layer "${name}" may import its types alone; the instance is an argument.`,
    },
    { regex: anyOf(refused), message: 'Only the outgoing guard (src/effects/http*) opens connections.' },
  ].filter(({ regex }) => regex !== anyOf([]))
}

const layerRule = (layer: Layer): OxlintOverride => {
  const paths = [{ name: 'xstate', importNames: interpreters, message: 'Actors are pure steps: no interpreter, no I/O.' }]
  const options = { patterns: patternsOf(layer), ...(layer.name === 'actors' ? { paths } : {}) }
  return { files: [...layer.files], rules: { 'no-restricted-imports': ['error', options] } }
}

const floatingPromises = (ignoreVoid: boolean): ['error', object] => [
  'error',
  { ignoreVoid, allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] }] },
]

const everywhere: OxlintOverride['rules'] = {
  // a lost promise is a lost message
  'typescript/no-floating-promises': floatingPromises(false),
  'typescript/no-misused-promises': 'error',
  'typescript/await-thenable': 'error',
  'typescript/return-await': ['error', 'in-try-catch'],
  'no-async-promise-executor': 'error',
  'promise/no-callback-in-promise': 'off',
  // groups a line of fields; costs nothing
  'unicorn/no-useless-spread': 'off',
  // errors keep their cause and their type
  'typescript/only-throw-error': 'error',
  'typescript/prefer-promise-reject-errors': 'error',
  'no-empty': 'error',
  'no-unsafe-finally': 'error',
  // types say what is true
  'typescript/no-explicit-any': 'error',
  'typescript/no-non-null-assertion': 'error',
  'typescript/no-unsafe-argument': 'error',
  'typescript/no-unsafe-assignment': 'error',
  'typescript/no-unsafe-call': 'error',
  'typescript/no-unsafe-member-access': 'error',
  'typescript/no-unsafe-return': 'error',
  'typescript/no-unsafe-function-type': 'error',
  'typescript/no-unnecessary-type-assertion': 'error',
  'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  'typescript/ban-ts-comment': 'error',
  'typescript/consistent-type-imports': 'error',
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-self-compare': 'error',
  'no-unreachable-loop': 'error',
  'no-constructor-return': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  // house style
  'import/no-default-export': 'error',
  'import/no-cycle': ['error', { ignoreTypes: true }],
  'import/no-duplicates': 'error',
  'unicorn/prefer-node-protocol': 'error',
  'max-lines': ['error', { max: 300 }],
  'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
  'no-console': 'error',
  'node/no-process-env': 'error',
}

const noClock = 'Pure folders decide: the time and the randomness come as arguments.'

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node'],
  categories: { correctness: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['dist/**', 'data/**', 'coverage/**', 'test/artifacts/**', '**/*.d.ts'],
  rules: everywhere,
  overrides: [
    {
      files: ['schemas/**', 'actors/**', 'channels/**', 'src/**'],
      rules: {
        'no-restricted-globals': [
          'error',
          { name: 'fetch', message: 'Only the outgoing guard (src/effects/http*) opens connections.' },
          { name: 'WebSocket', message: 'Only the client opens sockets.' },
        ],
      },
    },
    ...layers.map(layerRule),
    {
      files: ['src/log/kafka/**'],
      rules: {
        'no-restricted-properties': [
          'error',
          { property: 'sendBatch', message: 'kafkajs loses and doubles records of a send over two brokers: one topic-partition a send.' },
          { property: 'sendOffsets', message: 'It carries no generation; the position travels in the records.' },
        ],
      },
    },
    {
      files: [...pureFiles],
      rules: {
        'no-restricted-properties': [
          'error',
          { object: 'Date', property: 'now', message: noClock },
          { object: 'Math', property: 'random', message: noClock },
          { object: 'crypto', property: 'randomUUID', message: noClock },
          { object: 'crypto', property: 'getRandomValues', message: noClock },
        ],
        'no-restricted-globals': [
          'error',
          ...['fetch', 'WebSocket', 'process', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map(
            (name) => ({
              name,
              message: 'Pure folders know no I/O, clock or scheduler.',
            }),
          ),
        ],
      },
    },
    {
      files: ['src/inbox/**', 'src/chat/**'],
      plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'react', 'jsx-a11y'],
      rules: {
        // an event handler has nobody to hand its promise to; `void` says that it is meant
        'typescript/no-floating-promises': floatingPromises(true),
        'react/rules-of-hooks': 'error',
        'react/exhaustive-deps': 'error',
        'react/jsx-key': 'error',
        // these speak for the React compiler, which is not used
        'react/incompatible-library': 'off',
        'react/use-memo': 'off',
        'react/immutability': 'off',
        // a virtual list is a grid by its roles, a scrolling log must take the focus, and a separator needs no label
        'jsx-a11y/prefer-tag-over-role': 'off',
        'jsx-a11y/no-noninteractive-tabindex': 'off',
        'jsx-a11y/control-has-associated-label': 'off',
      },
    },
    {
      files: [
        'src/client/**',
        'src/inbox/**',
        'src/chat/**',
        'src/cli/**',
        'src/effects/http*',
        'src/effects/http/**',
        'src/registry/foreign.ts',
      ],
      rules: { 'no-restricted-globals': 'off' },
    },
    {
      // read by an old Node, outside the type checker's programs
      files: ['scripts/*.js'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
      },
    },
    { files: ['src/config.ts', 'scripts/**', 'test/**', 'bench/**'], rules: { 'node/no-process-env': 'off' } },
    { files: ['src/cli/**', 'scripts/**', 'bench/**', 'test/**'], rules: { 'no-console': 'off' } },
    {
      // tests read foreign JSON and shape it by hand; their bodies are lists of cases
      files: ['test/**', 'bench/**'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
        'typescript/no-unsafe-return': 'off',
        'typescript/unbound-method': 'off',
        'no-unsafe-optional-chaining': 'off',
        'max-lines': ['error', { max: 500 }],
        'max-lines-per-function': 'off',
      },
    },
    { files: ['*.config.ts', '**/vite.config.ts'], rules: { 'import/no-default-export': 'off', 'no-restricted-imports': 'off' } },
  ],
})
