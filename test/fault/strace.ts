// Reads what strace saw of a server: writes to the log's WAL, fdatasyncs that returned, answers that left. The judge of durability.

/** One system call, in the order its return was seen. */
interface Call {
  readonly name: string
  readonly fd: number
  readonly text: string
}

const COMPLETE = /^\d+\s+(\w+)\((\d+)[,)](.*)$/
const UNFINISHED = /^(\d+)\s+(\w+)\((\d+)[,)]?(.*)<unfinished \.\.\.>$/
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$/

/** Calls by the moment they returned: an unfinished one counts where it is resumed. */
export const parseStrace = (output: string): Call[] => {
  const open = new Map<string, { fd: number; text: string }>()
  const calls: Call[] = []
  for (const line of output.split('\n')) {
    const unfinished = UNFINISHED.exec(line)
    if (unfinished !== null) {
      open.set(`${unfinished[1]}/${unfinished[2]}`, { fd: Number(unfinished[3]), text: unfinished[4] ?? '' })
      continue
    }
    const resumed = RESUMED.exec(line)
    if (resumed !== null) {
      const begun = open.get(`${resumed[1]}/${resumed[2]}`)
      if (begun !== undefined) calls.push({ name: resumed[2] ?? '', fd: begun.fd, text: begun.text + (resumed[3] ?? '') })
      continue
    }
    const complete = COMPLETE.exec(line)
    if (complete !== null) calls.push({ name: complete[1] ?? '', fd: Number(complete[2]), text: complete[3] ?? '' })
  }
  return calls
}

export interface Verdict {
  readonly isDurable: boolean
  readonly because: string
}

/** Whether every 2xx left after an fdatasync of the file that got `bytes` had returned, the write itself before it. */
export const judge = (calls: readonly Call[], bytes: string): Verdict => {
  const written = calls.findIndex(({ name, text }) => name.startsWith('pwrite') && text.includes(bytes))
  const call = calls[written]
  if (call === undefined) return { isDurable: false, because: 'the bytes were never written to a file' }
  const answered = calls.findIndex(
    ({ name, text }, index) =>
      index > 0 && /^(write|writev|sendto|sendmsg)$/.test(name) && text.includes('HTTP/1.1 200') && text.includes('<Response/>'),
  )
  if (answered < 0) return { isDurable: false, because: 'no 2xx left' }
  if (answered < written) return { isDurable: false, because: 'the 2xx left before the bytes were written' }
  const synced = calls.findIndex(
    ({ name, fd, text }, index) =>
      index > written && index < answered && /^f(data)?sync$/.test(name) && fd === call.fd && text.includes('= 0'),
  )
  return synced < 0
    ? { isDurable: false, because: 'no fdatasync of the file returned between the write and the 2xx' }
    : { isDurable: true, because: 'written, synced, answered' }
}
