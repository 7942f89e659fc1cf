// Stores a visitor's file, telling how far it is.
// Between the composer and `POST /v1/chat/attachments`; fetch tells no progress, so this asks the old way.

/** Resolves with the file's id; rejects with an Error whose message is for people. */
export const uploadWith =
  (token: () => string) =>
  (file: File, onProgress: (progress: number) => void): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open('POST', '/v1/chat/attachments')
      request.setRequestHeader('authorization', `Bearer ${token()}`)
      request.responseType = 'json'
      request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total)
      request.onerror = () => reject(new Error('It could not be sent.'))
      request.onload = () => {
        const answer = request.response as { fileId?: string; title?: string } | null
        if (request.status < 300 && answer?.fileId !== undefined) resolve(answer.fileId)
        else reject(new Error(answer?.title ?? 'It could not be sent.'))
      }
      const form = new FormData()
      form.append('file', file, file.name)
      request.send(form)
    })
