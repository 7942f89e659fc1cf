// Times as people read them: "4 min", "Tue", "12 Mar", days of a thread, and the times that snoozing offers.
// Between ISO strings and panes; the present is an argument, so every word can be tested.

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0)

/** Whole days of the calendar between two times, by the reader's own clock. */
const daysBetween = (from: number, to: number): number => Math.round((startOfDay(to) - startOfDay(from)) / DAY)

const format = (at: number, options: Intl.DateTimeFormatOptions, locale?: string): string =>
  new Intl.DateTimeFormat(locale, options).format(at)

/** For a row of a list: short, and never longer than six letters or so. */
export const shortTime = (iso: string, now: number, locale?: string): string => {
  const at = Date.parse(iso)
  const age = now - at
  if (age < MINUTE) return 'now'
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`
  const days = daysBetween(at, now)
  if (days === 0) return format(at, { hour: '2-digit', minute: '2-digit' }, locale)
  if (days < 7) return format(at, { weekday: 'short' }, locale)
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return format(at, isThisYear ? { day: 'numeric', month: 'short' } : { month: 'short', year: 'numeric' }, locale)
}

export const clockTime = (iso: string, locale?: string): string => format(Date.parse(iso), { hour: '2-digit', minute: '2-digit' }, locale)

export const fullTime = (iso: string, locale?: string): string => format(Date.parse(iso), { dateStyle: 'full', timeStyle: 'short' }, locale)

/** For facts beside a thread. */
export const plainTime = (iso: string, locale?: string): string =>
  format(Date.parse(iso), { dateStyle: 'medium', timeStyle: 'short' }, locale)

/** The heading over a day of a thread. */
export const dayLabel = (iso: string, now: number, locale?: string): string => {
  const at = Date.parse(iso)
  const days = daysBetween(at, now)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  return format(at, { weekday: 'long', day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }) }, locale)
}

/** Whether both fall on one day of the reader's calendar. */
export const isSameDay = (a: string, b: string): boolean => startOfDay(Date.parse(a)) === startOfDay(Date.parse(b))

/** A time to come: "at 14:00", "tomorrow, 09:00", "Mon 12 Mar, 09:00". */
export const comingTime = (iso: string, now: number, locale?: string): string => {
  const at = Date.parse(iso)
  const time = format(at, { hour: '2-digit', minute: '2-digit' }, locale)
  const days = daysBetween(now, at)
  if (days === 0) return `today, ${time}`
  if (days === 1) return `tomorrow, ${time}`
  return `${format(at, { weekday: 'short', day: 'numeric', month: 'short' }, locale)}, ${time}`
}

/** How long something has lasted: "4 min", "3 h", "2 d". */
export const duration = (ms: number): string => {
  if (ms < HOUR) return `${Math.max(1, Math.floor(ms / MINUTE))} min`
  return ms < DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`
}

/** What is left of something: "3 h 20 min", "12 min", "45 s"; nothing left is "0 s". */
export const countdown = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / 1_000))
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.floor(hours / 24)} d`
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

export interface SnoozeChoice {
  readonly name: string
  /** null = until the contact writes. */
  readonly until: string | null
}

const atHour = (now: number, days: number, hour: number): string => {
  const day = new Date(now)
  day.setDate(day.getDate() + days)
  day.setHours(hour, 0, 0, 0)
  return day.toISOString()
}

/** What the snooze menu offers, by the reader's own clock; an evening that has passed is left out. */
export const snoozeChoices = (now: number): readonly SnoozeChoice[] => {
  const { weekday, hour } = { weekday: new Date(now).getDay(), hour: new Date(now).getHours() }
  const toMonday = (8 - weekday) % 7 || 7
  return [
    { name: 'In one hour', until: new Date(now + HOUR).toISOString() },
    ...(hour < 17 ? [{ name: 'This evening', until: atHour(now, 0, 18) }] : []),
    { name: 'Tomorrow morning', until: atHour(now, 1, 9) },
    ...(toMonday > 1 ? [{ name: 'Next Monday', until: atHour(now, toMonday, 9) }] : []),
    { name: 'Until they write', until: null },
  ]
}
