// Says what to do when Node is older than Confab needs, before anything fails with a stranger message.
// Stands in front of every npm script; written so that even Node 12 can parse it.

/** The oldest major version that runs the sources as they are: stable type stripping and node:sqlite. */
const NODE_MAJOR_MIN = 24

const major = Number(process.versions.node.split('.')[0])

if (major < NODE_MAJOR_MIN) {
  console.error(
    [
      'Confab needs Node ' + NODE_MAJOR_MIN + ' or later; this is Node ' + process.versions.node + ' (' + process.execPath + ').',
      '',
      'Node ' + NODE_MAJOR_MIN + ' comes with the dependencies. Run `npm ci` once, without --omit=dev and without',
      '--ignore-scripts, then start Confab through npm (`npm start`, `npm test`, `npx confab ...`):',
      'npm puts that Node first. Or install Node ' + NODE_MAJOR_MIN + ' yourself and run the command with it.',
    ].join('\n'),
  )
  process.exit(1)
}
