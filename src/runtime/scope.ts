// The inert scope in which machines are stepped: no actor is ever started, and none is built per event as xstate's `transition()` does.
// The one file that leans on xstate's internals (xstate is pinned); test/actors/scope.test.ts compares it with `transition()`.

import { createActor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate'
import type { Place, Stepped, Transition } from '#actors'

/** What a machine's step touches of the actor it would run in. */
interface InertScope {
  readonly self: unknown
  readonly system: unknown
  readonly id: string
  readonly sessionId: string
  readonly logger: () => void
  readonly defer: () => void
  readonly stopChild: () => void
  readonly emit: () => void
  actionExecutor: (action: { readonly type: string }) => void
}

interface Stage {
  readonly scope: InertScope
  /** State value → a resolved snapshot whose context is exchanged at each step. */
  readonly resolved: Map<string, AnyMachineSnapshot>
}

const noop = (): void => {}
const stages = new WeakMap<AnyStateMachine, Stage>()

const stageOf = (machine: AnyStateMachine): Stage => {
  const known = stages.get(machine)
  if (known !== undefined) return known
  const self = createActor(machine)
  const scope = {
    self,
    system: self.system,
    id: '',
    sessionId: '',
    logger: noop,
    defer: noop,
    stopChild: noop,
    emit: noop,
    actionExecutor: noop,
  }
  const stage = { scope, resolved: new Map<string, AnyMachineSnapshot>() }
  stages.set(machine, stage)
  return stage
}

/** Throws where the machine has no such state: the snapshot is another version's. */
const resolve = (machine: AnyStateMachine, stage: Stage, value: string): AnyMachineSnapshot => {
  const known = stage.resolved.get(value)
  if (known !== undefined) return known
  const resolved = machine.resolveState({ value, context: {} }) as AnyMachineSnapshot
  // A missing nested state would silently get its initial child.
  if (resolved.value !== value) throw new Error(`state ${value} resolves to ${JSON.stringify(resolved.value)}`)
  stage.resolved.set(value, resolved)
  return resolved
}

/** One step of a machine from a plain place to the next; pure. Throws what a guard throws. */
export const transition: Transition = <C>(machine: AnyStateMachine, place: Place<C>, event: { readonly type: string }): Stepped<C> => {
  const stage = stageOf(machine)
  const before = { ...resolve(machine, stage, place.value), context: place.context } as AnyMachineSnapshot
  const actions: string[] = []
  stage.scope.actionExecutor = (action) => actions.push(action.type)
  const after = machine.transition(before, event, stage.scope as never) as AnyMachineSnapshot
  return { value: after.value as string, context: after.context as C, actions }
}
