// HTTP for the inbox: the session's cookie, the proof against forged requests, problems as values, uploads with progress.
// Between the inbox's state and `/v1`; never throws for what the server answers.

import type { Problem } from '#schemas'
import type { Answered } from '../state/inbox.ts'

export interface Api {
  request<T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered<T>>
  upload(file: File, onProgress: (progress: number) => void): Promise<Answered<string>>
}

const unreachable: Problem = { type: 'about:blank', title: 'The server cannot be reached.', status: 0, code: 'offline' }

/** What is no problem document, such as a proxy's page, becomes one. */
export const problemIn = (value: unknown, status: number): Problem => {
  const given = typeof value === 'object' && value !== null ? (value as Partial<Problem>) : {}
  return { ...given, type: given.type ?? 'about:blank', title: given.title ?? `The server answered ${status}.`, status, code: given.code ?? 'internal' }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** `csrf` proves to the server that a page of its own asks. */
export const openApi = (csrf: () => string): Api => ({
  async request<T>(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answered<T>> {
    try {
      const response = await fetch(path, {
        method,
        credentials: 'same-origin',
        headers: {
          accept: 'application/json',
          ...(method === 'GET' ? {} : { 'x-confab-csrf': csrf() }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const value = jsonOf(await response.text())
      return response.ok ? { ok: value as T } : { problem: problemIn(value, response.status) }
    } catch {
      return { problem: unreachable }
    }
  },

  // fetch tells nothing of how far an upload is.
  upload: (file, onProgress) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest()
      request.open('POST', '/v1/attachments')
      request.setRequestHeader('x-confab-csrf', csrf())
      request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total)
      request.onerror = () => resolve({ problem: unreachable })
      request.onload = () => {
        const value = jsonOf(request.responseText)
        const isStored = request.status >= 200 && request.status < 300
        const { fileId, id } = (value ?? {}) as { fileId?: string; id?: string }
        const stored = fileId ?? id
        resolve(isStored && stored !== undefined ? { ok: stored } : { problem: problemIn(value, request.status) })
      }
      const form = new FormData()
      form.append('file', file, file.name)
      request.send(form)
    }),
})
