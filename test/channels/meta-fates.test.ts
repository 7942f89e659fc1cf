// Meta's answers to a send as fates, row by row of the error tables, and what stands beside: aliases, pauses, pair rates.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channels } from '#channels'

const fateOf = (channel: 'messenger' | 'whatsapp', status: number, error: object, headers = {}) => {
  const provider = channels[channel].provider ?? assert.fail('no provider')
  return provider.interpret({
    kind: 'answer',
    status,
    headers,
    body: JSON.stringify({ error: { message: 'x', type: 'OAuthException', fbtrace_id: 'A', ...error } }),
  })
}
const line = (fate: ReturnType<typeof fateOf>): string => ('reason' in fate ? `${fate.kind} ${fate.reason}` : fate.kind)

/** code/subcode → fate, at HTTP 400 (PROTOCOLS 1.11). */
const page: Readonly<Record<string, string>> = {
  '1': 'unknown provider_error',
  '2': 'unknown provider_error',
  '1/99': 'unknown provider_error',
  '1/1357046': 'unknown provider_error',
  '1200': 'retry provider_error',
  '4': 'throttle',
  '4/2018022': 'throttle',
  '17': 'throttle',
  '32': 'throttle',
  '613': 'throttle',
  '4/2018354': 'permanent-message rejected',
  '9/2018352': 'permanent-message rejected',
  '10/2018278': 'permanent-message window_closed',
  '10/2018065': 'permanent-message window_closed',
  '10/2534022': 'permanent-message window_closed',
  '10/2018108': 'permanent-recipient blocked',
  '10': 'permanent-credential credentials_refused',
  '3': 'permanent-credential credentials_refused',
  '200/2018028': 'permanent-credential credentials_refused',
  '299': 'permanent-credential credentials_refused',
  '100/2018001': 'permanent-recipient recipient_invalid',
  '100/2018109': 'permanent-message content_refused',
  '100': 'permanent-message content_refused',
  '190/463': 'permanent-credential credentials_refused',
  '102': 'permanent-credential credentials_refused',
  '200/1545041': 'permanent-recipient blocked',
  '551/1545041': 'permanent-recipient blocked',
  '230': 'permanent-credential credentials_refused',
  '368': 'permanent-credential account_suspended',
  '2/2018344': 'permanent-credential account_suspended',
  '10303': 'permanent-message rejected',
  '424242': 'permanent-message rejected',
}
for (const [codes, expected] of Object.entries(page))
  test(`Send API, ${codes}: ${expected}`, () => {
    const [code, subcode] = codes.split('/').map(Number)
    const error = { code, ...(subcode === undefined ? {} : { error_subcode: subcode }) }
    assert.equal(line(fateOf('messenger', 400, error)), expected)
    assert.equal(fateOf('messenger', 500, { ...error, is_transient: true }).kind, 'unknown', 'a 5xx proves nothing')
  })

/** PROTOCOLS 3.6. */
const whatsapp: Readonly<Record<string, string>> = {
  '0 190 3 10 200 131005 131037 131042 131045 133010': 'permanent-credential credentials_refused',
  '368 130497 131031': 'permanent-credential account_suspended',
  '4 80007 130429 131048 131056': 'throttle',
  '2 131000 131016 131057 133004': 'unknown provider_error',
  '131047': 'permanent-message window_closed',
  '131026': 'permanent-recipient recipient_invalid',
  '131050': 'permanent-recipient recipient_opted_out',
  '131049 130472 131021 999999': 'permanent-message rejected',
  '131051 131052 131053 131008 131009 100 33 132000 132001 132015': 'permanent-message content_refused',
}
for (const [codes, expected] of Object.entries(whatsapp))
  test(`Cloud API, ${codes}: ${expected}`, () => {
    for (const code of codes.split(' ').map(Number)) assert.equal(line(fateOf('whatsapp', 400, { code })), expected, String(code))
  })

test('the pair rate slows one conversation, every other throttle the account', () => {
  assert.deepEqual(fateOf('whatsapp', 400, { code: 131056 }), {
    kind: 'throttle',
    afterMs: null,
    providerCode: 131056,
    scope: 'conversation',
  })
  assert.deepEqual(fateOf('whatsapp', 429, { code: 130429 }), { kind: 'throttle', afterMs: null, providerCode: 130429 })
})

test('a pause is taken from Retry-After, or from the usage header in minutes', () => {
  const usage = JSON.stringify({ '101': [{ type: 'messenger', call_count: 100, estimated_time_to_regain_access: 3 }] })
  const fate = fateOf('messenger', 400, { code: 613 }, { 'x-business-use-case-usage': usage })
  assert.ok(fate.kind === 'throttle' && fate.afterMs === 180_000)
  const told = fateOf('messenger', 429, { code: 4 }, { 'retry-after': '9' })
  assert.ok(told.kind === 'throttle' && told.afterMs === 9000)
})

test('an acceptance names the person as the provider does, in both spellings', () => {
  const provider = channels.whatsapp.provider ?? assert.fail('no provider')
  const body = JSON.stringify({
    contacts: [{ input: '+5511955512345', wa_id: '551155512345', user_id: 'BR.1' }],
    messages: [{ id: 'wamid.1' }],
  })
  assert.deepEqual(provider.interpret({ kind: 'answer', status: 200, headers: {}, body }), {
    kind: 'accepted',
    providerMessageId: 'wamid.1',
    userIds: ['BR.1', '551155512345', '5511955512345'],
  })
})

test('an address as somebody typed it', () => {
  const { userIdOf } = channels.whatsapp.provider ?? assert.fail('no provider')
  assert.deepEqual(
    ['+55 11 9 5551-2345', 'whatsapp:+15550101', 'US.134912086553', 'Ada', '12'].map((typed) => userIdOf?.(typed)),
    ['5511955512345', '15550101', 'US.134912086553', null, null],
  )
})
