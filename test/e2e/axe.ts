// axe in a page or frame of a test: WCAG 2.2 A and AA, each violation named with the elements it was found on.

import assert from 'node:assert/strict'
import axe from 'axe-core'
import type { Frame, Page } from 'playwright-core'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** Fails with what was found; `what` names the state of the page. */
export const assertAccessible = async (frame: Page | Frame, what: string): Promise<void> => {
  // Injected by the debugger: the page's own policy allows no foreign script.
  await frame.evaluate(axe.source)
  const violations = await frame.evaluate(async (runOnly) => {
    const { axe: here } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: unknown }> } }
    return (await here.run({ runOnly, resultTypes: ['violations'] })).violations
  }, tags)
  const found = (violations as readonly Violation[]).flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 300)}\n  ${failureSummary ?? ''}`),
  )
  assert.deepEqual(found, [], `${what}:\n${found.join('\n')}`)
}
