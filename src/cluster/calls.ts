// Calls from node to node, over a client of their own: the outgoing guard refuses addresses inside the network, where the nodes are.
// Between ClusterViews and another node's route; the only file beside the guard that may open connections over HTTP.

import { Agent, request } from 'undici'
import { ConfabError, errors, type ErrorCode } from '#errors'
import type { NodeAnswer, NodeCall } from './questions.ts'
import { NODE_CALL_PATH, signCall, SIGNATURE_HEADER, TIME_HEADER } from './signatures.ts'

/** Calls to one node that are under way at most; more wait for one of them. */
const CONNECTIONS_MAX = 16
const CONNECT_MS_MAX = 500
/** A page of the longest messages there can be. */
const ANSWER_BYTES_MAX = 67_108_864

export interface NodeCalls {
  /** Throws `partition_unreachable` where nobody answers in time, and what the other node refuses with. */
  call(url: string, call: NodeCall, timeoutMs: number): Promise<NodeAnswer>
  close(): Promise<void>
}

export interface NodeCallsOptions {
  /** Of the purpose `node`. */
  readonly key: Uint8Array
  readonly clock: () => number
}

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errors, code)

const refusalOf = (problem: Readonly<Record<string, unknown>>): ConfabError => {
  const { code, type: _type, title: _title, status: _status, detail: _detail, instance: _instance, ...fields } = problem
  // That we are not believed is a fault between nodes, and no word to the asker.
  if (!isCode(code) || code === 'node_call_refused' || code === 'internal')
    return new ConfabError('partition_unreachable', { cause: new Error(`the other node answered ${String(code)}`) })
  return new ConfabError(code, { fields })
}

export const openNodeCalls = ({ key, clock }: NodeCallsOptions): NodeCalls => {
  const dispatcher = new Agent({
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    connect: { timeout: CONNECT_MS_MAX },
    maxResponseSize: ANSWER_BYTES_MAX,
  })
  const ask = async (url: string, call: NodeCall, timeoutMs: number): Promise<{ readonly status: number; readonly body: unknown }> => {
    const body = Buffer.from(JSON.stringify(call))
    const time = String(clock())
    try {
      const answer = await request(`${url}${NODE_CALL_PATH}`, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json', [TIME_HEADER]: time, [SIGNATURE_HEADER]: signCall(key, body, time) },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      return { status: answer.statusCode, body: await answer.body.json() }
    } catch (cause) {
      throw new ConfabError('partition_unreachable', { cause })
    }
  }
  return {
    async call(url, call, timeoutMs) {
      const { status, body } = await ask(url, call, timeoutMs)
      if (status !== 200) throw refusalOf(body as Record<string, unknown>)
      return body as NodeAnswer
    },
    // What is under way is of no use to anybody any more.
    close: () => dispatcher.destroy(),
  }
}
