// The files a message will carry: stored as soon as they are chosen, shown with their progress, removable.
// Between a file field, a drop or a paste, and the file ids that a message refers to.

import { useCallback, useState } from 'react'
import { useInbox } from '../state/hooks.ts'
import type { Upload } from '../state/model.ts'
import { drawId } from '../words/ids.ts'

/** Files a message may carry. */
const UPLOADS_MAX = 10

export interface Uploads {
  readonly uploads: readonly Upload[]
  readonly add: (files: Iterable<File>) => void
  readonly remove: (key: string) => void
  readonly replace: (uploads: readonly Upload[]) => void
  readonly isBusy: boolean
}

export const useUploads = (): Uploads => {
  const inbox = useInbox()
  const [uploads, setUploads] = useState<readonly Upload[]>([])

  const patch = useCallback((key: string, change: Partial<Upload>) => {
    setUploads((before) => before.map((upload) => (upload.key === key ? { ...upload, ...change } : upload)))
  }, [])

  const start = useCallback(
    async (key: string, file: File) => {
      const answer = await inbox.upload(file, (progress) => patch(key, { progress }))
      if (answer.problem === undefined) patch(key, { fileId: answer.ok, progress: 1 })
      else patch(key, { problem: answer.problem.title })
    },
    [inbox, patch],
  )

  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of [...files].slice(0, UPLOADS_MAX)) {
        const key = drawId()
        const upload = { key, name: file.name, contentType: file.type, sizeBytes: file.size, progress: 0, fileId: null, problem: null }
        setUploads((before) => (before.length >= UPLOADS_MAX ? before : [...before, upload]))
        start(key, file).catch(() => patch(key, { problem: 'It could not be stored.' }))
      }
    },
    [start, patch],
  )

  const remove = useCallback((key: string) => setUploads((before) => before.filter((upload) => upload.key !== key)), [])
  const isBusy = uploads.some((upload) => upload.fileId === null && upload.problem === null)
  return { uploads, add, remove, replace: setUploads, isBusy }
}
