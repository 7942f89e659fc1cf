// What an agent types and what the provider sends must lead to one conversation.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfabError } from '#errors'
import { typedAddress } from '../../src/runtime/typed-address.ts'

test('a number is written as the provider writes it, however it was typed', () => {
  for (const typed of ['+1 555 010 0123', '+1 (555) 010-0123', ' +15550100123 '])
    assert.equal(typedAddress('twilio', typed), '+15550100123')
  assert.equal(typedAddress('twilio', '+1 555 0100'), '+15550100', 'a number that no plan knows')
  assert.equal(typedAddress('twilio', 'whatsapp:+44 20 7946 0018'), 'whatsapp:+442079460018')
})

test('a short code passes as it is, and other channels know their own addresses', () => {
  assert.equal(typedAddress('twilio', '12345'), '12345')
  assert.equal(typedAddress('custom', 'Someone'), 'Someone')
})

test('what cannot be a number is refused without repeating it', () => {
  for (const typed of ['0170 1234567', 'Ada', '+12', 'whatsapp:Ada', '+1555x0100']) {
    assert.throws(
      () => typedAddress('twilio', typed),
      (error: ConfabError) => error.code === 'request_invalid' && !error.message.includes(typed),
    )
  }
})
