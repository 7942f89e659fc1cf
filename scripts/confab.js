#!/usr/bin/env node
// The `confab` command: refuses an old Node in plain words, then hands over to the command line in src/cli.
// Plain JavaScript, because an old Node must be able to read it.

import './require-node.js'

import('../src/cli/confab.ts').catch((error) => {
  console.error(error)
  process.exitCode = 1
})
