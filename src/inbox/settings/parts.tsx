// What the sections of settings share: a form, its fields, a refusal, a line of a list, a value to copy.
// Between the sections and plain elements.

import { useState, type InputHTMLAttributes, type ReactElement, type ReactNode } from 'react'
import type { Problem } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import type { SettingsList } from './use-settings.ts'

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

interface SelectProps {
  readonly label: string
  readonly name: string
  /** Values and what they are called; the first is chosen. */
  readonly options: readonly (readonly [string, string])[]
}

export const Select = ({ label, name, options }: SelectProps): ReactElement => (
  <label className="field">
    <span className="field__label">{label}</span>
    <select className="input" name={name}>
      {options.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  </label>
)

export const Refusal = ({ problem }: { readonly problem: Problem | null }): ReactElement | null =>
  problem === null ? null : (
    <p className="problem" role="alert">
      {problem.title} {problem.detail}
    </p>
  )

interface SettingsFormProps {
  readonly title: string
  readonly submit: string
  readonly list: Pick<SettingsList<unknown>, 'problem' | 'isBusy'>
  /** Answers whether it was taken: the fields are emptied then. */
  readonly onSubmit: (values: Readonly<Record<string, string>>) => Promise<boolean>
  readonly onCancel?: () => void
  readonly children: ReactNode
}

/** A form that adds something: its fields, what the API refused, and the one button that sends it. */
export const SettingsForm = ({ title, submit, list, onSubmit, onCancel, children }: SettingsFormProps): ReactElement => {
  const send = async (form: HTMLFormElement): Promise<void> => {
    if (await onSubmit(valuesOf(form))) form.reset()
  }
  return (
    <form
      className={`card form${onCancel === undefined ? ' form--wide' : ''}`}
      onSubmit={(event) => {
        event.preventDefault()
        // Problems come as values and are shown above the fields.
        send(event.currentTarget).catch(() => undefined)
      }}
    >
      <h2>{title}</h2>
      <Refusal problem={list.problem} />
      {children}
      <div className="form__end">
        {onCancel === undefined ? null : (
          <button type="button" className="button button--quiet" onClick={onCancel}>
            Cancel
          </button>
        )}
        <button type="submit" className="button button--primary" disabled={list.isBusy}>
          {onCancel === undefined ? <Icon name="plus" /> : null} {submit}
        </button>
      </div>
    </form>
  )
}

interface EntryProps {
  readonly mark: ReactNode
  readonly name: string
  readonly detail?: string
  readonly chip?: string
  readonly isOff?: boolean
  /** The one thing to do with it, where the reader may. */
  readonly action?: { readonly word: string; readonly onSelect: () => Promise<unknown>; readonly isDanger?: boolean } | null
}

/** One line of a list of settings. */
export const Entry = ({ mark, name, detail, chip, isOff, action }: EntryProps): ReactElement => (
  <li className="entry">
    {mark}
    <span className="entry__text">
      <strong>{name}</strong>
      {detail === undefined ? null : <span>{detail}</span>}
    </span>
    {chip === undefined ? null : <span className="chip">{chip}</span>}
    {isOff === true ? <span className="state">off</span> : null}
    {action == null ? null : (
      <button
        type="button"
        className={`button button--quiet button--small${action.isDanger === true ? ' button--danger' : ''}`}
        aria-label={`${action.word} ${name}`}
        onClick={() => void action.onSelect().catch(() => undefined)}
      >
        {action.word}
      </button>
    )}
  </li>
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
