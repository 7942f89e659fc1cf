// Twilio's signatures: the SDKs' published vectors, and the official package as an independent signer.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import twilioPackage from 'twilio'
import webhooks from 'twilio/lib/webhooks/webhooks.js'
import { channels } from '#channels'

const { verify } = channels.twilio.webhook ?? assert.fail('twilio has a webhook')
const vectors = JSON.parse(readFileSync(new URL('./vectors/twilio-signatures.json', import.meta.url), 'utf8'))

type Parameters = Record<string, string | string[]>

const bodyOf = (parameters: Parameters): Buffer => {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) for (const one of [value].flat()) form.append(name, one)
  return Buffer.from(form.toString())
}
const parametersOf = (given: 'default' | Parameters): Parameters => (given === 'default' ? vectors.defaultParams : given)
const isForm = (url: string, body: Buffer, signature: string | null, secrets: readonly string[]): boolean =>
  verify({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...(signature === null ? {} : { 'x-twilio-signature': signature }) },
    body,
    secrets,
  })
const isJson = (url: string, body: Buffer, signature: string, secrets: readonly string[]): boolean =>
  verify({ method: 'POST', url, headers: { 'content-type': 'application/json', 'x-twilio-signature': signature }, body, secrets })

for (const { name, url, params, signature, authToken } of vectors.form)
  test(`accepts the published signature: ${name}`, () =>
    assert.equal(isForm(url, bodyOf(parametersOf(params)), signature, [authToken ?? vectors.authToken]), true))

for (const { name, url, params, signature } of vectors.formInvalid)
  test(`refuses: ${name}`, () => assert.equal(isForm(url, bodyOf(parametersOf(params)), signature, [vectors.authToken]), false))

for (const { name, url, signedUrl, body, signature } of vectors.json)
  test(`accepts the published JSON signature, and not another body: ${name}`, () => {
    assert.equal(isJson(url ?? signedUrl, Buffer.from(body), signature, [vectors.authToken]), true)
    assert.equal(isJson(url ?? signedUrl, Buffer.from(`${body} `), signature, [vectors.authToken]), false)
  })

const URL_OF_OURS = 'https://confab.example/v1/ingest/twilio/key'
const TOKEN = 'c0ffee'
const sign = (url: string, parameters: Parameters): string => webhooks.getExpectedTwilioSignature(TOKEN, url, parameters)

test('agrees with the official validator for any names, values and query', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => value.toWellFormed())
  const name = text.filter((value) => value !== '' && value !== '__proto__' && !value.startsWith('?'))
  const parameters = fc.dictionary(name, fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 4 })))
  const url = fc.constantFrom(
    URL_OF_OURS,
    `${URL_OF_OURS}?a=b%27c&d=e f`,
    'https://confab.example:8443/in?x=1',
    'http://confab.example/in',
    `${URL_OF_OURS}?q=it's&q=(2)&z`,
  )
  fc.assert(
    fc.property(parameters, url, fc.nat(3), (form, at, choice) => {
      const signed = [at, at.replace('confab.example', 'confab.example:443'), new URL(at).toString(), at.replace(':8443', '')][choice] ?? at
      const signature = sign(signed, form)
      assert.equal(isForm(at, bodyOf(form), signature, [TOKEN]), twilioPackage.validateRequest(TOKEN, signature, at, form))
      assert.equal(isForm(at, bodyOf(form), sign(at.replace(':8443', ''), form), [TOKEN]), true)
    }),
  )
})

test('refuses every flipped byte of names and values, and ignores their order', () => {
  const form = { MessageSid: `SM${'0'.repeat(32)}`, From: '+15550100', To: '+15550199', Body: 'Grüße & more' }
  const signature = sign(URL_OF_OURS, form)
  const body = bodyOf(form)
  for (let at = 0; at < body.length; at++) {
    const flipped = Buffer.from(body)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    const same = [...new URLSearchParams(body.toString())].toString() === [...new URLSearchParams(flipped.toString())].toString()
    // Joined without separators: a flip that moves only the seam between two names signs alike, by Twilio's own rule.
    const text = [...new URLSearchParams(flipped.toString())]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flat()
      .join('')
    const alike =
      text ===
      [...new URLSearchParams(body.toString())]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flat()
        .join('')
    assert.equal(isForm(URL_OF_OURS, flipped, signature, [TOKEN]), same || alike, `byte ${at}`)
  }
  assert.equal(isForm(URL_OF_OURS, bodyOf(Object.fromEntries(Object.entries(form).toReversed())), signature, [TOKEN]), true)
})

test('strips the fragment that holds retry options, and covers path and query', () => {
  const form = { From: '+15550100' }
  const signature = sign(`${URL_OF_OURS}?c=1`, form)
  assert.equal(isForm(`${URL_OF_OURS}?c=1#rc=5&rp=5xx`, bodyOf(form), signature, [TOKEN]), true)
  assert.equal(isForm(`${URL_OF_OURS}?c=2`, bodyOf(form), signature, [TOKEN]), false)
  assert.equal(isForm(`${URL_OF_OURS}2?c=1`, bodyOf(form), signature, [TOKEN]), false)
})

test('accepts any live secret during rotation and none after', () => {
  const form = { From: '+15550100' }
  const signature = sign(URL_OF_OURS, form)
  assert.equal(isForm(URL_OF_OURS, bodyOf(form), signature, ['new', TOKEN]), true)
  assert.equal(isForm(URL_OF_OURS, bodyOf(form), signature, ['new']), false)
  assert.equal(isForm(URL_OF_OURS, bodyOf(form), signature, []), false)
})

test('refuses JSON without a hash in the URL, since nothing then covers the body', () => {
  const body = Buffer.from('{"a":1}')
  assert.equal(isJson(URL_OF_OURS, body, sign(URL_OF_OURS, {}), [TOKEN]), false)
  const hashed = `${URL_OF_OURS}?bodySHA256=${createHash('sha256').update(body).digest('hex')}`
  assert.equal(isJson(hashed, body, sign(hashed, {}), [TOKEN]), true)
})
