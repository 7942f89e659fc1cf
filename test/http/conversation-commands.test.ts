// Handing over, reacting, scheduling, mentioning and following at the door: who may, what is answered, what a mistake is told.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { derivePlain } from '#schemas/log'
import { ids, openDoor, type Door, type Reply } from './door.ts'

let door: Door
let accountId: string
/** Begun by a visitor of a web chat. */
let chat: { readonly conversationId: string; readonly token: string; readonly messageId: string }
const botId = derivePlain('setting', ['http', 'token', 'bot'])

before(async () => {
  door = await openDoor()
  const credentials = { accountSid: `AC${'a1'.repeat(16)}`, authToken: '0123456789abcdef0123456789abcdef' }
  const twilio = { channel: 'twilio', name: 'Support', externalId: '+15550100', credentials }
  accountId = (await door.ask('POST', '/v1/accounts', { body: twilio })).body.id
  const web = await door.ask('POST', '/v1/accounts', { body: { channel: 'web', name: 'Shop' } })
  const { body } = await door.ask('POST', `/v1/chat/${web.body.id}/session`, { as: null, body: {} })
  const said = await door.ask('POST', '/v1/chat/messages', {
    as: body.token,
    body: { text: 'hello' },
    headers: { 'idempotency-key': 'c-1' },
  })
  assert.equal(said.status, 201, said.text)
  chat = { conversationId: body.conversationId, token: body.token, messageId: said.body.messageId }
})
after(() => door.close())

let people = 0
const begun = async (): Promise<string> => {
  const to = `+155501${String(++people).padStart(2, '0')}`
  const { status, body, text } = await door.ask('POST', '/v1/conversations', {
    as: 'agent',
    body: { accountId, to, content: { text: 'Hello' } },
  })
  assert.equal(status, 201, text)
  return body.subject.id
}
const post = (id: string, path: string, body: object, as = 'agent'): Promise<Reply> =>
  door.ask('POST', `/v1/conversations/${id}/${path}`, { as, body })
const shown = async (id: string): Promise<Reply['body']> => (await door.ask('GET', `/v1/conversations/${id}`)).body
const messages = async (id: string): Promise<Reply['body'][]> => (await door.ask('GET', `/v1/conversations/${id}/messages`)).body.items
const codeOf = ({ status, body }: Reply): [number, string] => [status, body.code]

test('a conversation is offered to a bot, which alone accepts it, and speaks only while it has it', async () => {
  const id = await begun()
  assert.deepEqual(codeOf(await post(id, 'messages', { text: 'beep' }, 'bot')), [409, 'not_holder'])
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'accept' }, 'bot')), [409, 'not_offered'])
  const offered = await post(id, 'handover', { action: 'offer', to: { kind: 'bot', id: botId }, reason: 'refund', context: 'order 7' })
  assert.equal(offered.status, 200, offered.text)
  assert.deepEqual((await shown(id)).offer.to, { kind: 'bot', id: botId })
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'accept' }, 'owner')), [409, 'not_offered'])
  assert.equal((await post(id, 'handover', { action: 'accept' }, 'bot')).status, 200)
  const held = await shown(id)
  assert.deepEqual([held.state, held.assignee, held.offer], ['pending', { kind: 'bot', id: botId }, null])
  const beep = await post(id, 'messages', { text: 'beep' }, 'bot')
  assert.equal(beep.status, 201, beep.text)
  assert.equal((await post(id, 'claim', {})).status, 200)
  const sent = (await messages(id)).find((message) => message.messageId === beep.body.messageId)
  assert.deepEqual([sent.send.state, sent.send.reason], ['failed', 'superseded'])
  assert.deepEqual(codeOf(await post(id, 'messages', { text: 'late' }, 'bot')), [409, 'not_holder'])
})

test('passed at once and let go; an observer may not, and a target that is none is told', async () => {
  const id = await begun()
  assert.equal((await post(id, 'handover', { action: 'pass', to: { kind: 'bot', id: botId } })).status, 200)
  assert.equal((await post(id, 'handover', { action: 'release' }, 'bot')).status, 200)
  assert.deepEqual([(await shown(id)).state, (await shown(id)).assignee], ['open', null])
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'release' }, 'observer')), [403, 'forbidden'])
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'offer' })), [422, 'handover_target_required'])
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'give' })), [400, 'request_invalid'])
  assert.deepEqual(codeOf(await post(id, 'handover', { action: 'pass', to: { kind: 'agent', id: ids.stranger } })), [
    422,
    'assignee_unknown',
  ])
})

test('assign checks bots and teams as it checks agents', async () => {
  const id = await begun()
  const integration = derivePlain('setting', ['http', 'token', 'integration'])
  assert.equal((await post(id, 'assign', { botId })).status, 200)
  assert.deepEqual(codeOf(await post(id, 'assign', { botId: integration })), [422, 'assignee_unknown'])
  assert.deepEqual(codeOf(await post(id, 'assign', { teamId: ids.owner })), [422, 'team_unknown'])
  assert.equal((await post(id, 'assign', { agentId: ids.agent, teamId: null })).status, 200)
})

test('a reaction stands on its message, is taken back, and is refused where the channel has none', async () => {
  const path = `messages/${chat.messageId}/react`
  assert.equal((await post(chat.conversationId, path, { emoji: '👍' })).status, 200)
  const reactions = async () => (await messages(chat.conversationId))[0].reactions
  assert.deepEqual((await reactions())[0].by, { kind: 'agent', id: ids.agent })
  assert.equal((await reactions())[0].emoji, '👍')
  assert.equal((await post(chat.conversationId, path, { emoji: null })).status, 200)
  assert.equal((await reactions())[0].emoji, null)
  assert.deepEqual(codeOf(await post(chat.conversationId, path, { emoji: 'x'.repeat(33) })), [400, 'request_invalid'])
  const id = await begun()
  const [first] = await messages(id)
  assert.deepEqual(codeOf(await post(id, `messages/${first.messageId}/react`, { emoji: '👍' })), [422, 'not_on_this_channel'])
})

test('a message for later is shown with its time, can be changed and taken back; a time that has passed is refused', async () => {
  const id = await begun()
  const sendAt = new Date(door.now + 3_600_000).toISOString()
  const made = await post(id, 'messages', { text: 'soon', sendAt, unless: 'reply' })
  assert.equal(made.status, 201, made.text)
  const waiting = async () => (await messages(id)).find((message) => message.messageId === made.body.messageId)
  assert.deepEqual([(await waiting()).sendAt, (await waiting()).send.state], [sendAt, 'queued'])
  assert.equal((await post(id, `messages/${made.body.messageId}/edit`, { text: 'sooner' })).status, 200)
  assert.equal((await waiting()).content.text, 'sooner')
  assert.equal((await post(id, `messages/${made.body.messageId}/delete`, {})).status, 200)
  assert.deepEqual([(await waiting()).isDeleted, (await waiting()).send.state], [true, 'failed'])
  const past = new Date(door.now - 1).toISOString()
  assert.deepEqual(codeOf(await post(id, 'messages', { text: 'x', sendAt: past })), [422, 'schedule_out_of_range'])
  for (const body of [{ internal: true, sendAt }, { unless: 'reply' }, { mentions: [ids.owner] }])
    assert.deepEqual(codeOf(await post(id, 'messages', { text: 'x', ...body })), [400, 'request_invalid'])
})

test('who is mentioned in a note follows; participants are set whole, beside attributes or alone', async () => {
  const id = await begun()
  const note = await post(id, 'messages', { text: '@owner look', internal: true, mentions: [ids.owner] })
  assert.equal(note.status, 201, note.text)
  assert.deepEqual((await shown(id)).participants, [ids.owner])
  const patch = (body: object): Promise<Reply> => door.ask('PATCH', `/v1/conversations/${id}`, { as: 'agent', body })
  assert.equal((await patch({ participants: [ids.agent], attributes: { plan: 'gold' } })).status, 200)
  assert.deepEqual((await shown(id)).participants, [ids.agent])
  assert.deepEqual(codeOf(await patch({ participants: [ids.stranger] })), [422, 'participant_unknown'])
  assert.deepEqual(codeOf(await patch({})), [400, 'request_invalid'])
  const stranger = await post(id, 'messages', { text: '@x', internal: true, mentions: [ids.stranger] })
  assert.deepEqual(codeOf(stranger), [422, 'mention_no_access'])
})

test('what a token begins lies out of sight, unless it says that people shall see it', async () => {
  const start = async (to: string, more: object): Promise<string> => {
    const { body, status, text } = await door.ask('POST', '/v1/conversations', { as: 'integration', body: { accountId, to, ...more } })
    assert.equal(status, 201, text)
    return (await shown(body.subject.id)).state
  }
  assert.deepEqual([await start('+15550170', {}), await start('+15550171', { state: 'open' })], ['resolved', 'open'])
})

test('an account names its bots: the first has what begins; an id that is no bot’s is refused', async () => {
  const account = await door.ask('POST', '/v1/accounts', { body: { channel: 'web', name: 'With a bot', bots: [botId] } })
  assert.deepEqual([account.status, account.body.bots], [201, [botId]])
  const path = `/v1/accounts/${account.body.id}`
  assert.deepEqual(codeOf(await door.ask('PATCH', path, { body: { bots: [ids.agent] } })), [422, 'assignee_unknown'])
  const { body } = await door.ask('POST', `/v1/chat/${account.body.id}/session`, { as: null, body: {} })
  await door.ask('POST', '/v1/chat/messages', { as: body.token, body: { text: 'hello' }, headers: { 'idempotency-key': 'c-1' } })
  const begins = await shown(body.conversationId)
  assert.deepEqual([begins.state, begins.assignee], ['pending', { kind: 'bot', id: botId }])
})
