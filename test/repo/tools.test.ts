// How `npm test` finds the programs it drives, and what it says where it may not install them.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { findProgram, installCommand, tools } from '../../scripts/tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'confab-tools-'))
after(() => rmSync(folder, { recursive: true }))

const place = (name: string, mode: number): string => {
  const path = join(folder, name)
  writeFileSync(path, '#!/bin/sh\n')
  chmodSync(path, mode)
  return path
}

test('the first program that may be run is taken, in the order of preference', () => {
  place('sample-best', 0o600)
  const second = place('sample-second', 0o700)
  place('sample-third', 0o700)
  assert.equal(findProgram(['sample-best', 'sample-second', 'sample-third'], ['', '/nowhere', folder].join(delimiter)), second)
  assert.equal(findProgram(['sample-absent'], folder), undefined)
})

test('the one command to run fits the package manager at hand', () => {
  const names = ['chromium', 'strace']
  assert.match(
    installCommand(names, (program) => program === 'apt-get'),
    /apt-get install -y chromium strace$/,
  )
  assert.match(
    installCommand(names, (program) => program === 'dnf'),
    /^sudo dnf install -y chromium strace$/,
  )
  assert.match(
    installCommand(names, () => false),
    /chromium and strace/,
  )
})

test('every tool names where people choose it and where the tests read it', () => {
  for (const { programs, variable, testVariable } of tools) {
    assert.ok(programs.length > 0)
    assert.match(variable, /^[A-Z_]+_PATH$/)
    assert.match(testVariable, /^CONFAB_TEST_[A-Z]+$/)
  }
})
