// A node of its own process, for tests that kill it: it puts one agent on the board and says so.
// Usage: node board.child.ts URL SITE AGENT

import { openRedisBoard } from '#gateway'

const [url = '', site = '', id = ''] = process.argv.slice(2)
const organizationId = 'o'
const board = openRedisBoard({ url, site, node: `child-${process.pid}`, now: () => performance.now(), onState: () => undefined })({
  onPut: () => undefined,
  onDrop: () => undefined,
  onTyping: () => undefined,
  onKnown: () => {
    board.put({ kind: 'presence', organizationId, principal: { kind: 'agent', id }, source: id, state: 'online', place: null })
    console.log('there')
  },
})
board.follow(organizationId)
// The board's own timers hold no process.
setInterval(() => undefined, 60_000)
