// What a render has made before it becomes a request: a provider's own object, or the reason why there is none.
// Between each channel's kinds and the one rule for degrading: named, and refused where the caller is strict.

import type { RenderContext, Rendering, RequestDescription } from './shape.ts'
import type { SendReason } from '#schemas/log'
import { objectOf } from './json.ts'

export type Draft<T> =
  | { readonly made: T; readonly degraded: readonly string[] }
  | { readonly refusal: Extract<Rendering, { readonly kind: 'refused' }> }

export const made = <T>(what: T, ...degraded: readonly string[]): Draft<T> => ({ made: what, degraded })

export const refused = (detail: string, reason: SendReason = 'content_refused'): Draft<never> => ({
  refusal: { kind: 'refused', reason, detail },
})

export const rendered = <T>(draft: Draft<T>, context: RenderContext, request: (made: T) => RequestDescription): Rendering => {
  if ('refusal' in draft) return draft.refusal
  const { degraded } = draft
  if (degraded.length === 0) return { kind: 'exact', request: request(draft.made) }
  if (context.isStrict === true) return { kind: 'refused', reason: 'content_refused', detail: `It would degrade: ${degraded.join(', ')}.` }
  return { kind: 'degraded', degraded, request: request(draft.made) }
}

/** The provider's own object of a native message; a string = what is wrong with it. */
export const nativeObject = (native: string | null): Readonly<Record<string, unknown>> | string => {
  if (native === null || native === '') return 'The native part is missing.'
  return objectOf(native) ?? 'The native part is no JSON object.'
}

/** A title within `max` characters, its end replaced by an ellipsis where it is longer. */
export const shortened = (title: string, max: number): string => {
  if (title.length <= max) return title
  const cut = title.slice(0, max - 1)
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}
