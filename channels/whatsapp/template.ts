// Approved templates: the parameters of ours as Meta's components, and Meta's list of templates as ours.
// Between what the composer offers when the window is closed and the one kind of message that may then be sent.

import { listOf, inner, objectOf, textOf, type JsonObject } from '../json.ts'
import { graphGet } from '../meta/graph.ts'
import type { Content, ProviderTemplate, TemplateList } from '../shape.ts'

type Part = Readonly<Record<string, unknown>>
type Parameter = NonNullable<Content['template']>['parameters'][number]

const MEDIA = new Set(['image', 'video', 'document'])

/** `header` or `header.image` and its like: a text, or the link of a file. */
const headerOf = ({ name, value }: Parameter): Part => {
  const kind = name.slice('header.'.length)
  if (MEDIA.has(kind)) return { type: kind, [kind]: { link: value } }
  return { type: 'text', text: value }
}

/** `button.0` fills a link's variable, `button.0.payload` names what a tap answers, `button.0.code` is copied. */
const buttonOf = ({ name, value }: Parameter): Part | null => {
  const match = /^button\.(\d{1,2})(?:\.(payload|code))?$/.exec(name)
  if (match === null) return null
  const [, index = '0', what] = match
  if (what === 'payload') return { type: 'button', sub_type: 'quick_reply', index, parameters: [{ type: 'payload', payload: value }] }
  if (what === 'code') return { type: 'button', sub_type: 'copy_code', index, parameters: [{ type: 'coupon_code', coupon_code: value }] }
  return { type: 'button', sub_type: 'url', index, parameters: [{ type: 'text', text: value }] }
}

const isPosition = (name: string): boolean => /^\d{1,3}$/.test(name)

/** Variables of the body: positions in their order, names by their name. */
const bodyOf = (parameters: readonly Parameter[]): Part[] => {
  const positions = parameters.filter(({ name }) => isPosition(name)).toSorted((left, right) => Number(left.name) - Number(right.name))
  const named = parameters.filter(({ name }) => !isPosition(name))
  return [
    ...positions.map(({ value }) => ({ type: 'text', text: value })),
    ...named.map(({ name, value }) => ({ type: 'text', parameter_name: name, text: value })),
  ]
}

export const templateObject = ({ name, language, parameters }: NonNullable<Content['template']>): Part => {
  const isHeader = (parameter: Parameter): boolean => parameter.name === 'header' || parameter.name.startsWith('header.')
  const header = parameters.filter(isHeader).map(headerOf)
  const buttons = parameters.map(buttonOf).filter((part) => part !== null)
  const body = bodyOf(parameters.filter((parameter) => !isHeader(parameter) && buttonOf(parameter) === null))
  const components = [
    ...(header.length === 0 ? [] : [{ type: 'header', parameters: header }]),
    ...(body.length === 0 ? [] : [{ type: 'body', parameters: body }]),
    ...buttons,
  ]
  return {
    name,
    language: { policy: 'deterministic', code: language },
    ...(components.length === 0 ? {} : { components }),
  }
}

const variables = (text: string | null): string[] => [...(text ?? '').matchAll(/\{\{\s*([\w.]{1,64})\s*\}\}/g)].map(([, name = '']) => name)

const parametersOf = (components: readonly JsonObject[]): string[] =>
  components.flatMap((component) => {
    switch ((textOf(component, 'type') ?? '').toUpperCase()) {
      case 'HEADER': {
        const format = (textOf(component, 'format') ?? 'TEXT').toLowerCase()
        if (MEDIA.has(format)) return [`header.${format}`]
        return variables(textOf(component, 'text')).length === 0 ? [] : ['header']
      }
      case 'BODY':
        return variables(textOf(component, 'text'))
      case 'BUTTONS':
        return (listOf(component, 'buttons') ?? []).flatMap((button, index) =>
          variables(textOf(button, 'url')).length === 0 ? [] : [`button.${index}`],
        )
      default:
        return []
    }
  })

const templateIn = (template: JsonObject): ProviderTemplate[] => {
  const [name, language] = [textOf(template, 'name'), textOf(template, 'language')]
  if (name === null || language === null) return []
  const components = listOf(template, 'components') ?? []
  const body = components.find((component) => (textOf(component, 'type') ?? '').toUpperCase() === 'BODY')
  return [
    {
      name,
      language,
      category: textOf(template, 'category') ?? '',
      isApproved: textOf(template, 'status') === 'APPROVED',
      text: textOf(body, 'text') ?? '',
      parameters: [...new Set(parametersOf(components))],
    },
  ]
}

const PAGE = 100

export const templates: TemplateList = {
  request(context, after) {
    const path = `/${encodeURIComponent(context.account.options['wabaId'] ?? '')}/message_templates`
    const query = { fields: 'name,language,status,category,components', limit: String(PAGE) }
    return graphGet(context, path, after === null ? query : { ...query, after })
  },
  parse({ status, body }) {
    const answer = status === 200 ? objectOf(body) : undefined
    const list = listOf(answer, 'data')
    if (list === undefined) return null
    const paging = inner(answer, 'paging')
    const after = textOf(paging, 'next') === null ? null : textOf(inner(paging, 'cursors'), 'after')
    return { templates: list.flatMap(templateIn), after }
  },
}
