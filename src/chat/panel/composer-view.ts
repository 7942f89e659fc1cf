// Where the visitor writes: a field that grows, files with their progress, Enter sends.
// Between the visitor's hands and a message; the text stays here until it is sent.

import { h, icon } from './dom.ts'
import { words } from './words.ts'

/** As the API takes it. */
const TEXT_MAX = 4_000
const FILES_MAX = 5
const FILE_BYTES_MAX = 25 * 1_048_576
/** Typing is told at most this often. */
const TYPING_EVERY_MS = 4_000
const FIELD_PX_MAX = 132

export interface ComposerHandlers {
  readonly onSend: (text: string, attachments: readonly { fileId: string; name: string }[]) => void
  readonly onTyping: (isTyping: boolean) => void
  /** Resolves with the file's id; rejects with an Error whose message is for people. */
  readonly upload: (file: File, onProgress: (progress: number) => void) => Promise<string>
}

export interface ComposerView {
  readonly element: HTMLElement
  focus(): void
  clear(): void
}

interface Held {
  readonly name: string
  readonly element: HTMLElement
  fileId: string | null
}

/** The files beside the text, each stored as soon as it is chosen. */
class FileShelf {
  readonly element = h('ul', { class: 'files' })
  readonly #upload: ComposerHandlers['upload']
  readonly #onChange: () => void
  #held: Held[] = []

  constructor(upload: ComposerHandlers['upload'], onChange: () => void) {
    this.#upload = upload
    this.#onChange = onChange
  }

  get ready(): { fileId: string; name: string }[] {
    return this.#held.flatMap(({ fileId, name }) => (fileId === null ? [] : [{ fileId, name }]))
  }
  get isBusy(): boolean {
    return this.#held.some(({ fileId, element }) => fileId === null && !element.classList.contains('failed'))
  }

  add(files: Iterable<File>): void {
    for (const file of files) if (this.#held.length < FILES_MAX) this.#add(file)
    this.#onChange()
  }

  clear(): void {
    this.#held = []
    this.element.replaceChildren()
  }

  #add(file: File): void {
    const progress = h('progress', { max: 1, value: 0 })
    const note = h('span', { class: 'note' })
    const remove = h('button', { type: 'button', 'aria-label': words.remove(file.name), onclick: () => this.#remove(held) }, icon('close'))
    const held: Held = {
      name: file.name,
      element: h('li', {}, icon('file'), h('span', { class: 'name' }, file.name), note, remove, progress),
      fileId: null,
    }
    const fail = (why: string): void => {
      held.element.classList.add('failed')
      note.textContent = why
      progress.remove()
      this.#onChange()
    }
    this.#held.push(held)
    this.element.append(held.element)
    if (file.size > FILE_BYTES_MAX) return fail('Larger than 25 MB')
    this.#upload(file, (share) => (progress.value = share)).then(
      (fileId) => {
        held.fileId = fileId
        progress.remove()
        this.#onChange()
      },
      (error: unknown) => fail(error instanceof Error ? error.message : words.notSent),
    )
  }

  #remove(held: Held): void {
    this.#held = this.#held.filter((each) => each !== held)
    held.element.remove()
    this.#onChange()
  }
}

export const createComposer = (handlers: ComposerHandlers): ComposerView => {
  const field = h('textarea', { rows: 1, placeholder: words.write, 'aria-label': words.write })
  const count = h('span', { class: 'count', role: 'status' })
  const send = h('button', { class: 'send', type: 'submit', 'aria-label': words.send, title: words.send, disabled: true }, icon('send'))
  const picker = h('input', { type: 'file', multiple: true, hidden: true })
  const attach = h(
    'button',
    { class: 'attach', type: 'button', 'aria-label': words.attach, title: words.attach, onclick: () => picker.click() },
    icon('clip'),
  )
  let toldAt = 0

  const changed = (): void => {
    const text = field.value.trim()
    const excess = text.length - TEXT_MAX
    count.textContent = excess > 0 ? words.tooLong(excess) : ''
    send.disabled = shelf.isBusy || excess > 0 || (text === '' && shelf.ready.length === 0)
    field.style.height = 'auto'
    field.style.height = `${Math.min(field.scrollHeight, FIELD_PX_MAX)}px`
  }
  const shelf = new FileShelf(handlers.upload, changed)
  const tell = (isTyping: boolean): void => {
    if (isTyping ? Date.now() - toldAt < TYPING_EVERY_MS : toldAt === 0) return
    toldAt = isTyping ? Date.now() : 0
    handlers.onTyping(isTyping)
  }
  const clear = (): void => {
    field.value = ''
    shelf.clear()
    changed()
  }
  const submit = (): void => {
    if (send.disabled) return
    handlers.onSend(field.value.trim(), shelf.ready)
    clear()
    tell(false)
  }

  field.addEventListener('input', () => {
    changed()
    tell(field.value.trim() !== '')
  })
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    submit()
  })
  field.addEventListener('paste', (event) => {
    if (event.clipboardData !== null && event.clipboardData.files.length > 0) shelf.add(event.clipboardData.files)
  })
  picker.addEventListener('change', () => {
    shelf.add(picker.files ?? [])
    picker.value = ''
  })
  const element = h('form', { class: 'composer' }, shelf.element, count, h('div', { class: 'row' }, picker, attach, field, send))
  element.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })
  return { element, focus: () => field.focus(), clear }
}
