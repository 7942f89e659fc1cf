// HTTP for the inbox: the session's cookie, the proof against forged requests, problems as values, uploads with progress.
// Between the inbox's state and `/v1`; never throws for what the server answers.

import { openApi as openClientApi } from '#client'
import type { Problem } from '#schemas'
import type { Answered } from '../state/inbox.ts'
import { drawId } from '../words/ids.ts'
import type { Api, ReadOptions } from './ports.ts'

const unreachable: Problem = { type: 'about:blank', title: 'The server cannot be reached.', status: 0, code: 'offline' }

/** `csrf` proves to the server that a page of its own asks. */
export const openApi = (csrf: () => string): Api => {
  const ask = openClientApi({ csrf, draw: drawId })
  return {
    async request<T>(method: string, path: string, body?: unknown, options: ReadOptions = {}): Promise<Answered<T>> {
      const { ok, problem } = await ask<T>(path, { method, ...(body === undefined ? {} : { body }), ...options })
      return problem === undefined ? { ok } : { problem }
    },

    // fetch tells nothing of how far an upload is.
    upload: (file, onProgress) =>
      new Promise((resolve) => {
        const request = new XMLHttpRequest()
        request.open('POST', '/v1/attachments')
        request.setRequestHeader('x-confab-csrf', csrf())
        request.setRequestHeader('idempotency-key', drawId())
        request.responseType = 'json'
        request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total)
        request.onerror = () => resolve({ problem: unreachable })
        request.onload = () => {
          const answer = request.response as (Partial<Problem> & { fileId?: string }) | null
          if (request.status < 300 && answer?.fileId !== undefined) resolve({ ok: answer.fileId })
          else
            resolve({
              problem: {
                ...unreachable,
                title: answer?.title ?? 'It could not be stored.',
                status: request.status,
                code: answer?.code ?? 'internal',
              },
            })
        }
        const form = new FormData()
        form.append('file', file, file.name)
        request.send(form)
      }),
  }
}
