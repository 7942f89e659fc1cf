// A person's ids on WhatsApp: business-scoped ids, numbers, and the two ways in which some countries write one number.
// Between what a webhook or an answer names and the one conversation that it belongs to.

const BUSINESS_SCOPED = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/
const DIGITS = /^\d{5,20}$/

export const isBusinessScoped = (userId: string): boolean => BUSINESS_SCOPED.test(userId)

/** The same number as WhatsApp may also write it: Brazil with and without the ninth digit, Mexico's 1, Argentina's 9. */
export const numberVariants = (number: string): string[] => {
  const brazil = /^55(\d{2})(9?)(\d{8})$/.exec(number)
  if (brazil !== null) {
    const [, area = '', ninth = '', local = ''] = brazil
    return [ninth === '' ? `55${area}9${local}` : `55${area}${local}`]
  }
  const mexico = /^52(1?)(\d{10})$/.exec(number)
  if (mexico !== null) return [mexico[1] === '' ? `521${mexico[2] ?? ''}` : `52${mexico[2] ?? ''}`]
  const argentina = /^54(9?)(\d{10})$/.exec(number)
  if (argentina !== null) return [argentina[1] === '' ? `549${argentina[2] ?? ''}` : `54${argentina[2] ?? ''}`]
  return []
}

/** The first id is the person's address, the others are aliases, best first: business-scoped before number. */
export const personOf = (...given: readonly (string | null)[]): { readonly userId: string; readonly aliases: readonly string[] } | null => {
  const ids = given.filter((id) => id !== null)
  const [userId, ...others] = [...new Set([...ids.filter(isBusinessScoped), ...ids.filter((id) => !isBusinessScoped(id))])]
  if (userId === undefined) return null
  const variants = [userId, ...others].flatMap(numberVariants)
  return { userId, aliases: [...new Set([...others, ...variants])].filter((id) => id !== userId) }
}

/** What somebody typed as an address: digits without `+`, or a business-scoped id. null = neither. */
export const userIdOf = (typed: string): string | null => {
  const text = typed.trim()
  if (isBusinessScoped(text)) return text
  const digits = text
    .replace(/^whatsapp:/, '')
    .replace(/^\+/, '')
    .replaceAll(/[\s().-]/g, '')
  return DIGITS.test(digits) ? digits : null
}

/** The number in E.164, for the contact's card; none behind a business-scoped id. */
export const phonesOf = (number: string | null): string[] => (number !== null && DIGITS.test(number) ? [`+${number}`] : [])
