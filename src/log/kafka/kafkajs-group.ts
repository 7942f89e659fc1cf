// Membership in a consumer group that shares out partitions and reads nothing: join, sync, heartbeat, leave.
// Stands between the broker's group coordinator and `assignment`; a partition kept over a rebalance is never let go of meanwhile.

import { setTimeout as sleep } from 'node:timers/promises'
import { assignPartitions, type Member } from './assigner.ts'
import type { ConnectionOptions, GroupOptions } from './client.ts'
import {
  hasType,
  MemberAssignment,
  MemberMetadata,
  Session,
  type InnerBroker,
  type InnerCluster,
  type JoinedGroup,
} from './kafkajs-internals.ts'

/** Milliseconds without a heartbeat after which the others share out what a member had. */
const SESSION_TIMEOUT_MS = 10_000
/** Milliseconds the others wait for a member to join again. */
const REBALANCE_TIMEOUT_MS = 20_000
const HEARTBEAT_MS = 500
const RETRY_MS = 200
const PROTOCOL = 'confab-sticky'

/** The group has forgotten this member: it comes back as a new one that holds nothing. */
const FORGOTTEN: ReadonlySet<string | number> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])
const REBALANCING: ReadonlySet<string | number> = new Set(['REBALANCE_IN_PROGRESS'])

interface Claim {
  readonly held: readonly number[]
  readonly generation: number
  readonly preferred: readonly number[]
}

const memberOf = ({ memberId, memberMetadata }: JoinedGroup['members'][number]): Member => {
  const { userData } = MemberMetadata.decode(memberMetadata)
  const claim: Claim =
    userData === null || userData.length === 0
      ? { held: [], generation: -1, preferred: [] }
      : (JSON.parse(userData.toString('utf8')) as Claim)
  return { id: memberId, held: new Set(claim.held), generation: claim.generation, preferred: new Set(claim.preferred) }
}

class GroupMember {
  readonly #options: GroupOptions
  readonly #session: Session
  readonly #cluster: InnerCluster
  #memberId = ''
  #generation = -1
  /** What we were given, and what we were told to give up and have not yet. */
  #held: ReadonlySet<number> = new Set()
  #given: ReadonlySet<number> = new Set()
  #newest: ReadonlySet<number> | undefined
  #wake: (() => void) | undefined

  constructor(connection: ConnectionOptions, options: GroupOptions) {
    this.#options = options
    this.#session = new Session(connection, SESSION_TIMEOUT_MS)
    this.#cluster = this.#session.openCluster()
    options.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  /** The newest set; older ones that nobody took are of no use. `undefined` when aborted. */
  async next(): Promise<ReadonlySet<number> | undefined> {
    while (!this.#options.signal.aborted) {
      const newest = this.#newest
      this.#newest = undefined
      if (newest !== undefined) return newest
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    return undefined
  }

  /** Stays in the group until aborted, then leaves it. */
  async run(): Promise<void> {
    const { signal, groupId } = this.#options
    while (!signal.aborted) {
      try {
        await this.#cluster.connect()
        await this.#cluster.refreshMetadataIfNecessary()
        await this.#takePart(await this.#cluster.findGroupCoordinator({ groupId }))
      } catch (error) {
        if (hasType(error, FORGOTTEN)) {
          this.#memberId = ''
          this.#generation = -1
          this.#held = new Set()
        } else if (!hasType(error, REBALANCING)) await this.#recover()
      }
    }
    await this.#leave()
  }

  async #recover(): Promise<void> {
    await sleep(RETRY_MS)
    // If nobody answers, the next round finds out.
    await this.#cluster.refreshMetadata().catch(() => undefined)
  }

  /** One generation: until the coordinator asks to join again, or what was taken from us is free. */
  async #takePart(coordinator: InnerBroker): Promise<void> {
    const { groupId, topic, released, signal } = this.#options
    const claim: Claim = { held: [...this.#held], generation: this.#generation, preferred: [...this.#given] }
    const userData = Buffer.from(JSON.stringify(claim))
    const joined = await coordinator.joinGroup({
      groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      groupProtocols: [{ name: PROTOCOL, metadata: MemberMetadata.encode({ version: 1, topics: [topic], userData }) }],
    })
    this.#memberId = joined.memberId
    const { memberAssignment } = await coordinator.syncGroup({
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupAssignment: joined.leaderId === joined.memberId ? this.#share(joined) : [],
    })
    this.#generation = joined.generationId
    const given = new Set(MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [])
    this.#give(given)
    const lost = [...this.#held].filter((partition) => !given.has(partition))
    this.#held = new Set([...given, ...lost])
    let isFree = false
    if (lost.length > 0) {
      const free = (): void => {
        this.#held = given
        isFree = true
      }
      released(new Set(lost)).then(free, free)
    }
    while (!signal.aborted && !isFree) {
      await sleep(HEARTBEAT_MS, undefined, { signal }).catch(() => undefined)
      await coordinator.heartbeat({ groupId, groupGenerationId: joined.generationId, memberId: joined.memberId })
    }
  }

  #share({ members }: JoinedGroup): { memberId: string; memberAssignment: Buffer }[] {
    const { topic, partitions } = this.#options
    return [...assignPartitions(members.map(memberOf), partitions)].map(([memberId, list]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [topic]: list } }),
    }))
  }

  #give(given: ReadonlySet<number>): void {
    if (this.#generation >= 0 && given.size === this.#given.size && [...given].every((partition) => this.#given.has(partition))) {
      if (given.size > 0) return
    }
    this.#given = given
    this.#newest = given
    this.#wake?.()
  }

  async #leave(): Promise<void> {
    const { groupId } = this.#options
    try {
      if (this.#memberId === '') return
      const coordinator = await this.#cluster.findGroupCoordinator({ groupId })
      await Promise.race([coordinator.leaveGroup({ groupId, memberId: this.#memberId }), sleep(RETRY_MS * 5, undefined, { ref: false })])
    } catch {
      // The group notices by the missing heartbeats.
    } finally {
      this.#session.destroy()
      await this.#cluster.disconnect()
    }
  }
}

/** Yields the set of partitions whenever it changes, the newest one only, until the signal aborts. */
export async function* joinGroup(
  connection: ConnectionOptions,
  options: GroupOptions,
): AsyncGenerator<ReadonlySet<number>, void, undefined> {
  if (options.signal.aborted) return
  const member = new GroupMember(connection, options)
  const running = member.run()
  for (let given = await member.next(); given !== undefined; given = await member.next()) yield given
  await running
}
