// The inert scope against xstate's own transition().

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assign, createMachine, setup, transition as bareTransition } from 'xstate'
import { contactMachine, conversationEventTypes, conversationMachine, organizationMachine, type Place } from '#actors'
import { conversationState, eventTypes, type ConversationSnapshot, type Event } from '#schemas/log'
import { transition } from '../../src/runtime/scope.ts'
import { agentBy, systemBy, World } from './world.ts'

/** A machine with what the real ones have, and a guard that throws. */
const toy = setup({
  types: { context: {} as { count: number }, events: {} as { type: string; by: number } },
  actions: { add: assign(({ context, event }) => ({ count: context.count + event.by })), note: () => {}, tell: () => {} },
  guards: {
    isOdd: ({ context }) => context.count % 2 === 1,
    throws: () => {
      throw new Error('a guard that throws')
    },
  },
}).createMachine({
  context: { count: 0 },
  initial: 'a',
  states: {
    a: {
      on: {
        go: [
          { guard: 'isOdd', target: 'b', actions: ['add', 'note'] },
          { target: 'c', actions: ['add'] },
        ],
      },
      entry: 'tell',
    },
    b: { on: { go: { target: 'a', actions: ['note', 'add', 'tell'] }, burst: { guard: 'throws', target: 'c' } }, exit: 'note' },
    c: { on: { back: { target: 'a' }, go: { actions: 'add' } } },
  },
  on: { stay: { actions: ['add', 'tell'] } },
})

const either = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return (error as Error).message
  }
}

test('steps as xstate itself does, over random events, unknown ones and throwing guards included', () => {
  const event = fc.record({ type: fc.constantFrom('go', 'back', 'stay', 'burst', 'unknown'), by: fc.integer({ min: 0, max: 3 }) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let ours: Place<{ count: number }> = { value: 'a', context: { count: 0 } }
      let theirs = toy.resolveState({ value: 'a', context: { count: 0 } })
      for (const each of events) {
        const bare = either(() => {
          const [snapshot, actions] = bareTransition(toy, theirs, each)
          theirs = snapshot
          return { value: snapshot.value, context: snapshot.context, actions: actions.map(({ type }) => type) }
        })
        const stepped = either(() => (ours = transition(toy, ours, each)))
        assert.deepEqual(stepped, bare)
      }
    }),
    { numRuns: 300 },
  )
})

test('what the machine does not know leaves the same context, and no actions', () => {
  const context = { count: 1 }
  const stepped = transition(toy, { value: 'c', context }, { type: 'unknown' })
  assert.equal(stepped.context, context)
  assert.deepEqual(stepped.actions, [])
})

test('a state that the machine has not throws at once', () => {
  assert.throws(() => transition(toy, { value: 'gone', context: { count: 0 } }, { type: 'go' }))
  const nested = createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } })
  assert.throws(() => transition(nested, { value: 'a', context: {} }, { type: 'go' }), /resolves to/)
})

const spoken = (): World => {
  const world = new World({ crossesCodec: false })
  world.receive('hello')
  world.send('hi', agentBy('anna'))
  world.do('conversation.snooze', { until: world.now + 1_000 }, { by: agentBy('anna') })
  world.do('conversation.resolve', {}, { by: agentBy('anna') })
  world.do('conversation.block', { isBlocked: true }, { by: systemBy })
  world.report('hi', { state: 'failed', reason: 'rejected' })
  return world
}

test('the conversation machine steps in both the same way', () => {
  const world = spoken()
  let ours: Place<{ snapshot: ConversationSnapshot }> = { value: 'new', context: { snapshot: { ...world.state, seq: 0 } } }
  let theirs = conversationMachine.resolveState({ value: 'new', context: ours.context })
  for (const event of world.events) {
    const [snapshot, actions] = bareTransition(conversationMachine, theirs, event as never)
    theirs = snapshot
    const stepped = transition(conversationMachine, ours, event)
    assert.deepEqual(stepped, { value: snapshot.value, context: snapshot.context, actions: actions.map(({ type }) => type) })
    ours = stepped
  }
})

const namedIn = (machine: { events: readonly string[] }): Set<string> => new Set(machine.events)

test('every event type is named in the machine of its subject', () => {
  const named = new Set([...namedIn(conversationMachine), ...namedIn(contactMachine), ...namedIn(organizationMachine)])
  assert.deepEqual(
    eventTypes.filter((type) => !named.has(type)),
    [],
  )
  assert.deepEqual(
    [...named].filter((type) => !(eventTypes as string[]).includes(type)),
    [],
  )
  assert.deepEqual(conversationEventTypes.toSorted(), [...namedIn(conversationMachine)].toSorted())
})

test('the machine has exactly the states a snapshot can be in, and nothing that runs', () => {
  const states = Object.keys(conversationMachine.states)
  assert.deepEqual(states.filter((state) => state !== 'new').toSorted(), [...conversationState.symbols].toSorted())
  for (const node of [...Object.values(conversationMachine.states), ...Object.values(contactMachine.states)]) {
    assert.deepEqual([node.invoke.length, node.after.length], [0, 0])
  }
})

test('an event that its state does not know is poison, not silence', async () => {
  const { evolveConversation } = await import('#actors')
  const world = spoken()
  const stray = { ...world.events.find(({ type }) => type === 'conversation.resolved'), seq: world.state.seq + 1 } as Event
  assert.throws(() => evolveConversation(world.state, stray, [], transition), /does not know/)
  assert.throws(() => evolveConversation(null, stray, [], transition), /begins with/)
  assert.throws(() => evolveConversation(world.state, { ...stray, seq: 99 }, [], transition), /does not follow/)
})
