// Labels: their names and colours.
// Between a supervisor and /v1/labels.

import type { CSSProperties, ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useSlice } from '../state/hooks.ts'
import type { Label } from '../state/model.ts'
import { Field, Refusal, valuesOf } from './parts.tsx'
import { useSettings, type SettingsList } from './use-settings.ts'

/** Colours that can be told apart on both grounds. */
const colors = ['#2f6fd6', '#0f8a7a', '#3d8b37', '#b07d10', '#cf5a28', '#c83f54', '#a445b2', '#6b5bd2', '#6a7486']

const LabelForm = ({
  list,
  onSubmit,
}: {
  readonly list: SettingsList<Label>
  readonly onSubmit: (form: HTMLFormElement) => void
}): ReactElement => (
  <form
    className="card form form--wide"
    onSubmit={(event) => {
      event.preventDefault()
      onSubmit(event.currentTarget)
    }}
  >
    <h2>New label</h2>
    <Refusal problem={list.problem} />
    <Field label="Name" name="name" required maxLength={64} autoComplete="off" />
    <fieldset className="field">
      <legend className="field__label">Colour</legend>
      <div className="swatches">
        {colors.map((color, index) => (
          <input
            key={color}
            type="radio"
            name="color"
            value={color}
            defaultChecked={index === 0}
            className="swatch"
            style={{ '--label-color': color } as CSSProperties}
            aria-label={`Colour ${index + 1}`}
          />
        ))}
      </div>
    </fieldset>
    <div className="form__end">
      <button type="submit" className="button button--primary" disabled={list.isBusy}>
        <Icon name="plus" /> Add
      </button>
    </div>
  </form>
)

export const Labels = (): ReactElement => {
  const list = useSettings<Label>('/v1/labels')
  const mayWrite = useSlice((state) => state.me.permissions.includes('label.write'))

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const { name, color } = valuesOf(form)
    if ((await list.write('POST', '/v1/labels', { name, color })) !== null) form.reset()
  }

  return (
    <>
      <ul className="entries">
        {list.items?.map((label) => (
          <li key={label.id} className="entry">
            <span className="entry__dot" style={{ background: label.color }} />
            <span className="entry__text">
              <strong>{label.name}</strong>
            </span>
            {mayWrite ? (
              <button
                type="button"
                className="button button--quiet button--small"
                onClick={() => void list.write('DELETE', `/v1/labels/${label.id}`).catch(() => undefined)}
              >
                Remove
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {list.items?.length === 0 ? <p className="settings__none">No labels yet.</p> : null}
      {mayWrite ? <LabelForm list={list} onSubmit={(form) => void submit(form).catch(() => undefined)} /> : null}
    </>
  )
}
