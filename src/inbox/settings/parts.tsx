// What the forms of settings share: a field, a refusal, a value to copy.
// Between the sections and plain elements.

import { useState, type InputHTMLAttributes, type ReactElement, type ReactNode } from 'react'
import type { Problem } from '#schemas'
import { Icon } from '../parts/icons.tsx'

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string
  readonly name: string
  readonly hint?: string
}

export const Field = ({ label, hint, ...input }: FieldProps): ReactElement => (
  <label className="field">
    <span className="field__label">{label}</span>
    <input className="input" {...input} />
    {hint === undefined ? null : <span className="field__hint">{hint}</span>}
  </label>
)

export const Refusal = ({ problem }: { readonly problem: Problem | null }): ReactElement | null =>
  problem === null ? null : (
    <p className="problem" role="alert">
      {problem.title} {problem.detail}
    </p>
  )

const COPIED_MS = 2_000

/** Something to be copied elsewhere; a secret is shown this once. */
export const Copyable = ({
  label,
  value,
  hint,
}: {
  readonly label: string
  readonly value: string
  readonly hint?: ReactNode
}): ReactElement => {
  const [isCopied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value)
    setCopied(true)
    setTimeout(() => setCopied(false), COPIED_MS)
  }
  return (
    <div className="copyable">
      <span className="field__label">{label}</span>
      <div className="copyable__box">
        <code>{value}</code>
        <button
          type="button"
          className="button button--small"
          aria-label={`Copy ${label}`}
          onClick={() => void copy().catch(() => undefined)}
        >
          <Icon name={isCopied ? 'check' : 'copy'} size={13} />
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      </div>
      {hint === undefined ? null : <span className="field__hint">{hint}</span>}
    </div>
  )
}

/** The fields of a form as text, without the spaces around it; a password is what was typed. */
export const valuesOf = (form: HTMLFormElement): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, typeof value !== 'string' ? '' : name === 'password' ? value : value.trim()]),
  )
