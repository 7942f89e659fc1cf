// What can be seen on an account's own colour: text in black or white, and a ring around what has the focus.
// Pure, between a colour that somebody chose and WCAG 2.2's ratios (1.4.3, 1.4.11).

const BLACK = '#000000'
const WHITE = '#ffffff'
/** Grounds of the panel, light and dark, as in panel.css. */
const GROUNDS = [WHITE, '#191e26'] as const
const RING_RATIO = 3

const linear = (channel: number): number => (channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)

const luminance = (color: string): number => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => linear(Number.parseInt(color.slice(at, at + 2), 16) / 255))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** 1 to 21; both as `#rrggbb`. */
export const contrast = (one: string, other: string): number => {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** The better of black and white: one of them always reaches 4.5. */
export const textOn = (color: string): string => (contrast(color, WHITE) >= contrast(color, BLACK) ? WHITE : BLACK)

/** What rings a control on the panel's two grounds: the colour where it stands out, else the text's. */
export const ringOf = (color: string): string => {
  const [light, dark] = GROUNDS.map((ground, index) => (contrast(color, ground) >= RING_RATIO ? color : index === 0 ? BLACK : '#e8ebf1'))
  return `light-dark(${light ?? BLACK}, ${dark ?? WHITE})`
}
