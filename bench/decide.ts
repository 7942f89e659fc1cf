// `decide`: actor steps a second on one core, snapshot decoded and encoded, against bare xstate `transition` calls on the same machine.

import { transition as bareTransition } from 'xstate'
import { conversationMachine, decideConversation, type DecideContext } from '#actors'
import { conversationSnapshot, decode, derivePlain, encode, type Account, type Command, type ConversationSnapshot } from '#schemas/log'
import { transition } from '../src/runtime/scope.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'

const ids = {
  organization: derivePlain('setting', ['o']),
  account: derivePlain('setting', ['a']),
  contact: derivePlain('setting', ['c']),
  conversation: derivePlain('setting', ['v']),
}
const account = {
  id: ids.account,
  organizationId: ids.organization,
  channel: 'twilio',
  replyGuard: 'guarded',
  options: {},
  bots: [],
} as unknown as Account
const AT = 1_700_000_000_000

const context = (now: number): DecideContext => ({
  rows: {
    message: () => null,
    alias: () => null,
    early: () => null,
    address: () => null,
    attributes: () => null,
    mark: () => null,
    profile: () => null,
    setting: () => null,
    unique: () => null,
  },
  settings: { offset: 1, account, agent: () => undefined, label: () => true },
  now,
  input: 1,
  transition,
})

const commandOf = (n: number): Command<'message.receive'> => ({
  type: 'message.receive',
  commandId: derivePlain('command', [n]),
  organizationId: ids.organization,
  actor: { kind: 'conversation', id: ids.conversation },
  by: { kind: 'contact', id: ids.contact },
  asksOutcome: false,
  bodyHash: '',
  at: AT + n,
  data: {
    messageId: derivePlain('setting', ['m', n]),
    accountId: ids.account,
    channel: 'twilio',
    contactId: ids.contact,
    address: { userId: '+15551000001', threadId: null, accountAddress: '+15550100' },
    profile: null,
    content: {
      kind: 'text',
      text: 'where is my order?',
      attachments: [],
      location: null,
      answer: null,
      template: null,
      native: null,
      providerMessageId: `SM${n}`,
      providerEventId: null,
      clientKey: null,
    },
    providerAt: null,
    receivedAt: AT + n,
  },
})

const perSecond = (seconds: number, step: (n: number) => void): number => {
  const startedAt = performance.now()
  let n = 0
  while (performance.now() - startedAt < seconds * 1000) for (let inner = 0; inner < 500; inner++) step(n++)
  return n / ((performance.now() - startedAt) / 1000)
}

const run = ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const seconds = isQuick ? 3 : 10
  const commands = Array.from({ length: 4096 }, (_, n) => commandOf(n))
  const first = decideConversation(null, commandOf(-1), context(AT))
  if (first.snapshot === null) throw new Error('the first message made no conversation')
  let bytes = encode(conversationSnapshot, first.snapshot)
  const step = (n: number): void => {
    const snapshot: ConversationSnapshot = decode(conversationSnapshot, bytes)
    const command = commands[n % commands.length]
    if (command === undefined) return
    const decision = decideConversation(snapshot, command, context(AT + n))
    if (decision.snapshot !== null) bytes = encode(conversationSnapshot, decision.snapshot)
  }
  perSecond(1, step)
  const steps = perSecond(seconds, step)
  // The baseline sees the events of the same decisions: each is one transition of the machine.
  const event = first.events.at(-1)
  if (event === undefined) throw new Error('no event')
  const place = conversationMachine.resolveState({ value: first.snapshot.state, context: { snapshot: first.snapshot } })
  const bare = (): void => void bareTransition(conversationMachine, place, event as never)
  perSecond(1, bare)
  const baselinePerSecond = perSecond(seconds, bare)
  say(`${round(steps, 0)} decisions/s with their snapshot decoded and encoded; ${round(baselinePerSecond, 0)} bare transitions/s`)
  return Promise.resolve({
    ratio: round(steps / baselinePerSecond),
    perSecond: round(steps, 0),
    baselinePerSecond: round(baselinePerSecond, 0),
  })
}

export const decide: Benchmark = {
  name: 'decide',
  explains:
    "Decisions on inbound messages on one core, each with its snapshot decoded and encoded; baseline: xstate's transition() on the same machine.",
  fields: 'ratio, perSecond, baselinePerSecond',
  goal: 'ratio >= 0.5',
  run,
}
