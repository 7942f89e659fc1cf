// News about the WhatsApp account itself, in words for its owner: reviews of templates, quality, limits, bans.
// Between webhook fields that name no person and the account's state.

import { hash } from 'node:crypto'
import { codeIn, listOf, inner, idOf, textOf, written, type JsonObject } from '../json.ts'
import type { ParsedAccountNews } from '../shape.ts'

type News = Pick<ParsedAccountNews, 'level' | 'what' | 'eventKey'>

const WORDS_MAX = 300

const BAD = /BAN|DISABLE|VIOLATION|RESTRICT|REJECTED|FLAGGED|DOWNGRADE|PAUSED|DELETED|SUSPEND|BLOCK/

const words = (field: string, value: JsonObject): string | null => {
  const event = textOf(value, 'event') ?? ''
  switch (field) {
    case 'message_template_status_update':
      return `The template ${textOf(value, 'message_template_name') ?? ''} (${textOf(value, 'message_template_language') ?? ''}) is now ${event}.`
    case 'message_template_quality_update':
      return `The quality of the template ${textOf(value, 'message_template_name') ?? ''} is now ${textOf(value, 'new_quality_score') ?? 'unknown'}.`
    case 'phone_number_quality_update':
      return `The number's quality: ${event}; its limit is ${textOf(value, 'current_limit') ?? 'unknown'}.`
    case 'account_update':
    case 'account_review_update':
      return `Meta on the account: ${[event, textOf(value, 'decision'), textOf(inner(value, 'ban_info'), 'waba_ban_state'), textOf(inner(value, 'violation_info'), 'violation_type')].filter(Boolean).join(', ')}.`
    case 'account_alerts':
      return `Meta warns: ${textOf(value, 'alert_type') ?? textOf(inner(value, 'alert_info'), 'alert_type') ?? 'see the WhatsApp Manager'}.`
    case 'phone_number_name_update':
      return `The display name is ${textOf(value, 'decision') ?? 'reviewed'}.`
    default:
      return null
  }
}

/** null = a field of which we say nothing. `errors` beside no message are troubles of the account as a whole. */
export const newsOf = (field: string, value: JsonObject): News | null => {
  const [error] = listOf(value, 'errors') ?? []
  const code = codeIn(error, 'code')
  const what = error === undefined ? words(field, value) : `Meta reports error ${code ?? ''}: ${textOf(error, 'title') ?? ''}`.trim()
  if (what === null) return null
  const isBad = error !== undefined || BAD.test(what.toUpperCase())
  const key = idOf(value, 'message_template_id') ?? hash('sha256', written(value) ?? '')
  return { level: isBad ? 'warning' : 'info', what: what.slice(0, WORDS_MAX), eventKey: ['account', field, key, what.slice(0, WORDS_MAX)] }
}
