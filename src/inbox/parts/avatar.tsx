// A person as a round mark: initials on a colour that stays theirs, since it follows from their id alone.
// Between names, which may be missing, and the eye, which finds a row by its colour.

import type { CSSProperties, ReactElement } from 'react'
import { hueOf, initialsOf } from '../words/names.ts'

interface AvatarProps {
  readonly id: string
  readonly name: string
  /** Rem. */
  readonly size?: number
}

export const Avatar = ({ id, name, size = 2.25 }: AvatarProps): ReactElement => (
  <span className="avatar" aria-hidden="true" style={{ '--hue': hueOf(id), '--avatar-size': `${size}rem` } as CSSProperties}>
    {initialsOf(name)}
  </span>
)
