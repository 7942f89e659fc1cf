// Two tables' pages as one, in the order of time, forwards or backwards.
// Stands between the read-only file and those who want one list: no record is passed over where one page ends before the other.

import { timeOf } from './record.ts'
import type { Row } from './runs.ts'

/** 1 = oldest first, -1 = newest first. */
export type Step = 1 | -1

export interface TablePage {
  readonly rows: readonly Row[]
  /** The boundary it starts at, and the one behind its last row. */
  readonly from: number
  readonly last: number
  /** Milliseconds since 1970 of the last row seen. */
  readonly lastTime: number
  /** There is more in the table. */
  readonly isCut: boolean
}

/** The part of a page that does not lie beyond a time. */
const upTo = (page: TablePage, step: Step, bound: number): TablePage => {
  const index = page.rows.findIndex(({ body }) => step * timeOf(body) > bound)
  if (index === -1) return page
  const rows = page.rows.slice(0, index)
  const last = rows.at(-1)
  return { ...page, rows, last: last === undefined ? page.from : step === 1 ? last.id : last.id - 1 }
}

const interleave = (first: readonly Row[], second: readonly Row[], step: Step): Row[] => {
  const rows: Row[] = []
  let [left, right] = [0, 0]
  for (;;) {
    const [one, other] = [first[left], second[right]]
    if (one === undefined) return rows.concat(second.slice(right))
    if (other === undefined) return rows.concat(first.slice(left))
    const isFirst = step * (timeOf(one.body) - timeOf(other.body)) <= 0
    rows.push(isFirst ? one : other)
    if (isFirst) left++
    else right++
  }
}

/** A page that was cut holds back what the other has beyond it; each keeps its own order. `lasts`: the boundary behind each page's part. */
export const mergePages = (pages: readonly TablePage[], step: Step): { rows: Row[]; lasts: number[]; isLast: boolean } => {
  const bound = Math.min(...pages.filter(({ isCut }) => isCut).map(({ lastTime }) => step * lastTime))
  const parts = pages.map((page) => (page.isCut && step * page.lastTime <= bound ? page : upTo(page, step, bound)))
  const [first = [], second = []] = parts.map(({ rows }) => rows)
  return { rows: interleave(first, second, step), lasts: parts.map(({ last }) => last), isLast: bound === Number.POSITIVE_INFINITY }
}
