// Apache Kafka for the tests, as jars: fetched once by Maven, kept in the user's cache.
// Stands between test/kafka, which starts brokers of it, and a machine that has Java and no Kafka.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { findProgram, installCommand } from './tools.ts'

const KAFKA_VERSION = '4.1.0'
/** Milliseconds; 54 MB, seconds on an ordinary line. */
const FETCH_TIMEOUT_MS = 300_000

/** Outside of the checkout: a clean install empties node_modules. */
export const cacheFolder = (): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'confab-tests')

const dependency = (artifact: string): string =>
  `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${KAFKA_VERSION}</version></dependency>`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>confab.test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>${dependency('kafka_2.13')}${dependency('kafka-tools')}</dependencies></project>
`

/** The Java that runs brokers, if there is one. */
export const findJava = (): string | undefined => process.env['CONFAB_TEST_JAVA'] ?? findProgram(['java'])

/** The folder of Kafka's jars, fetched where it is not there yet. Throws with the one command that helps. */
export const provideKafka = (): string => {
  const cache = join(cacheFolder(), `kafka-${KAFKA_VERSION}`)
  const jars = join(cache, 'jars')
  if (existsSync(jars)) return jars
  const maven = process.env['CONFAB_TEST_MAVEN'] ?? findProgram(['mvn'])
  if (maven === undefined) throw new Error(`Kafka for the tests is fetched by Maven. Run once: ${installCommand(['maven'])}`)
  mkdirSync(dirname(cache), { recursive: true })
  // Aside and renamed: two test files that fetch at once both end with a whole folder.
  const aside = mkdtempSync(`${cache}-`)
  try {
    writeFileSync(join(aside, 'pom.xml'), pom)
    const goal = ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${join(aside, 'jars')}`]
    const { status } = spawnSync(maven, goal, { cwd: aside, stdio: ['ignore', 2, 2], timeout: FETCH_TIMEOUT_MS })
    if (status !== 0) throw new Error('Maven could not fetch Apache Kafka; its own words stand above.')
    mkdirSync(cache, { recursive: true })
    if (!existsSync(jars)) renameSync(join(aside, 'jars'), jars)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return jars
}
