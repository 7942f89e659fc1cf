// Labels: their names and colours.
// Between a supervisor and /v1/labels.

import type { CSSProperties, ReactElement } from 'react'
import { useSlice } from '../state/hooks.ts'
import type { Label } from '../state/model.ts'
import { Entry, Field, Refusal, SettingsForm } from './parts.tsx'
import { useSettings } from './use-settings.ts'

/** Colours that can be told apart on both grounds. */
const colors = [
  ['#2f6fd6', 'Blue'],
  ['#0f8a7a', 'Teal'],
  ['#3d8b37', 'Green'],
  ['#b07d10', 'Ochre'],
  ['#cf5a28', 'Orange'],
  ['#c83f54', 'Red'],
  ['#a445b2', 'Purple'],
  ['#6b5bd2', 'Violet'],
  ['#6a7486', 'Grey'],
] as const

const Swatches = (): ReactElement => (
  <fieldset className="field">
    <legend className="field__label">Colour</legend>
    <div className="swatches">
      {colors.map(([color, name], index) => (
        <input
          key={color}
          type="radio"
          name="color"
          value={color}
          defaultChecked={index === 0}
          className="swatch"
          style={{ '--label-color': color } as CSSProperties}
          aria-label={name}
          title={name}
        />
      ))}
    </div>
  </fieldset>
)

export const Labels = (): ReactElement => {
  const list = useSettings<Label>('/v1/labels')
  const mayWrite = useSlice((state) => state.me.permissions.includes('label.write'))
  return (
    <>
      <ul className="entries">
        {list.items?.map(({ id, name, color }) => (
          <Entry
            key={id}
            mark={<span className="entry__dot" style={{ background: color }} />}
            name={name}
            action={mayWrite ? { word: 'Remove', onSelect: () => list.write('DELETE', `/v1/labels/${id}`) } : null}
          />
        ))}
      </ul>
      {list.items?.length === 0 ? <p className="settings__none">No labels yet.</p> : null}
      {mayWrite ? (
        <SettingsForm
          title="New label"
          submit="Add"
          list={list}
          onSubmit={async ({ name, color }) => (await list.write('POST', '/v1/labels', { name, color })) !== null}
        >
          <Field label="Name" name="name" required maxLength={64} autoComplete="off" />
          <Swatches />
        </SettingsForm>
      ) : (
        <Refusal problem={list.problem} />
      )}
    </>
  )
}
