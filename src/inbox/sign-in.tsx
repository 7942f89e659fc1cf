// The door: e-mail and password, or the one-time link, whose code comes in the URL's fragment and so reaches no server log.
// Between someone without a session and the app.

import { useState, type ReactElement } from 'react'
import type { Problem } from '#schemas'
import { Icon } from './parts/icons.tsx'
import { valuesOf } from './settings/parts.tsx'

interface SignInProps {
  readonly onSignIn: (email: string, password: string) => Promise<Problem | null>
  /** Why the link did not open it, or why the session ended. */
  readonly problem: Problem | null
}

export const SignIn = ({ onSignIn, problem: before }: SignInProps): ReactElement => {
  const [problem, setProblem] = useState(before)
  const [isBusy, setBusy] = useState(false)

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const { email = '', password = '' } = valuesOf(form)
    setBusy(true)
    setProblem(await onSignIn(email, password))
    setBusy(false)
  }

  return (
    <main className="sign-in">
      <form
        className="sign-in__card"
        onSubmit={(event) => {
          event.preventDefault()
          submit(event.currentTarget).catch(() => setBusy(false))
        }}
      >
        <span className="sign-in__mark" aria-hidden="true">
          <Icon name="inbox" />
        </span>
        <h1>Sign in</h1>
        <p className="sign-in__lead">to your team’s inbox</p>
        {problem === null ? null : (
          <p className="problem" role="alert">
            {problem.title} {problem.detail}
          </p>
        )}
        <label className="field">
          <span className="field__label">E-mail</span>
          <input className="input" name="email" type="email" autoComplete="username" required />
        </label>
        <label className="field">
          <span className="field__label">Password</span>
          <input className="input" name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit" className="button button--primary" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p className="field__hint">First time here? Open the one-time link that the server printed when it started.</p>
      </form>
    </main>
  )
}

export const Waiting = ({ text }: { readonly text: string }): ReactElement => (
  <main className="sign-in" aria-busy="true">
    <div className="empty">
      <span className="spinner" aria-hidden="true" />
      <p>{text}</p>
    </div>
  </main>
)
