// Elements without a framework: made with their attributes, listeners and children in one call.
// Between the panel's views and the DOM; text is only ever set as text.

type Child = Node | string | null | undefined
type Properties = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | null | undefined>>

const apply = (element: Element, name: string, value: Properties[string]): void => {
  if (value === null || value === undefined || value === false) element.removeAttribute(name)
  else if (typeof value === 'function') element.addEventListener(name.slice(2), value)
  else element.setAttribute(name, value === true ? '' : String(value))
}

/** `onclick` and the like are listeners, everything else attributes; false and null leave one out. */
export const h = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) apply(element, name, value)
  element.append(...children.filter((child) => child !== null && child !== undefined))
  return element
}

const paths = {
  away: 'M5.500 4h13A2.500 2.500 0 0 1 21 6.500v8a2.500 2.500 0 0 1-2.500 2.500H12l-4.700 3.700a.5.500 0 0 1-.8-.4V17h-1A2.500 2.500 0 0 1 3 14.500v-8A2.500 2.500 0 0 1 5.500 4zM8.500 10.500h7',
  close: 'm6 6 12 12M18 6 6 18',
  send: 'M20 4 10.500 13.500M20 4l-6 16-3.500-6.500L4 10z',
  clip: 'm19 11.200-7.400 7.400a4.600 4.600 0 0 1-6.500-6.500l8-8a3.100 3.100 0 0 1 4.400 4.400l-7.800 7.700a1.500 1.500 0 0 1-2.100-2.100l6.700-6.700',
  file: 'M7 3.500h6.500L18.500 8.500v11a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1zM13.300 3.700v5h5',
} as const

export const icon = (name: keyof typeof paths): SVGSVGElement => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  path.setAttribute('d', paths[name])
  svg.append(path)
  return svg
}

/** Makes `parent` hold exactly these, moving only what stands elsewhere: focus and scrolling stay. */
export const place = (parent: Element, children: readonly Element[]): void => {
  let next = parent.firstElementChild
  for (const child of children) {
    if (child === next) next = next.nextElementSibling
    else parent.insertBefore(child, next)
  }
  while (next !== null) {
    const gone = next
    next = next.nextElementSibling
    gone.remove()
  }
}
