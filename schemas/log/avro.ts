// Builders of Avro schemas that carry their TypeScript type: a shape is written once, here, and never again as an interface.
// Between the record definitions beside this file and the codec that hands them to avsc.

/** An Avro schema together with the type of the values it describes. `T` exists for the compiler alone. */
export interface Shape<T> {
  readonly kind: 'primitive' | 'enum' | 'record' | 'array' | 'map' | 'optional'
  /** Writes the schema as Avro JSON; a named type that `named` holds already is referred to by its name. */
  toAvro(named: Set<string>): unknown
  /** What a reader takes where an older writer had no such field. */
  readonly fallback?: unknown
  /** True for free text: refused in events, where erasing could not reach it. */
  readonly isText?: boolean
  readonly parts?: readonly Shape<unknown>[]
  readonly type?: T
}

export type Infer<S> = S extends Shape<infer T> ? T : never

const primitive = <T>(avro: unknown, isText = false): Shape<T> => ({ kind: 'primitive', isText, toAvro: () => avro })

/** Free text or any string of a provider: contents, commands, rows and settings only, never events. */
export const text = primitive<string>('string', true)
/** One of our ids, in its text form. */
export const id = primitive<string>({ type: 'string', logicalType: 'uuid' })
export const int = primitive<number>('int')
/** An integer up to 2^53. */
export const long = primitive<number>('long')
export const double = primitive<number>('double')
export const boolean = primitive<boolean>('boolean')
export const bytes = primitive<Buffer>('bytes')
/** Milliseconds since 1970, UTC. */
export const time = primitive<number>({ type: 'long', logicalType: 'timestamp-millis' })

/** The first symbol is what old readers see in place of one they do not know, unless `fallback` names another. */
export const enumeration = <const S extends readonly string[]>(
  name: string,
  symbols: S,
  fallback: S[number] = symbols[0] as S[number],
): Shape<S[number]> & { readonly symbols: S } => ({
  kind: 'enum',
  symbols,
  toAvro: (named) => {
    if (named.has(name)) return name
    named.add(name)
    return { type: 'enum', name, symbols, default: fallback }
  },
})

/** null or the value; null where an older writer had no such field. */
export const optional = <T>(of: Shape<T>): Shape<T | null> => ({
  kind: 'optional',
  fallback: null,
  parts: [of],
  toAvro: (named) => ['null', of.toAvro(named)],
})

export const array = <T>(of: Shape<T>): Shape<T[]> => ({
  kind: 'array',
  fallback: [],
  parts: [of],
  toAvro: (named) => ({ type: 'array', items: of.toAvro(named) }),
})

export const map = <T>(of: Shape<T>): Shape<Record<string, T>> => ({
  kind: 'map',
  fallback: {},
  parts: [of],
  toAvro: (named) => ({ type: 'map', values: of.toAvro(named) }),
})

/** Gives a field the default that full compatibility asks of each field added later. */
export const withDefault = <T>(of: Shape<T>, fallback: NoInfer<T>): Shape<T> => ({ ...of, fallback })

/** A field that came later: whoever makes a value may leave it out, and null stands in the log. */
export interface LaterShape<T> extends Shape<T | null> {
  readonly isLater: true
}

export const later = <T>(of: Shape<T>): LaterShape<T> => ({ ...optional(of), isLater: true })

type Fields = Readonly<Record<string, Shape<unknown>>>
/** The values of fields, those that came later optional. */
export type Values<F extends Readonly<Record<string, { readonly type?: unknown }>>> = {
  -readonly [K in keyof F as F[K] extends LaterShape<unknown> ? never : K]: Infer<F[K]>
} & { -readonly [K in keyof F as F[K] extends LaterShape<unknown> ? K : never]?: Infer<F[K]> }

export interface RecordShape<T> extends Shape<T> {
  readonly name: string
  readonly fields: Fields
}

/** A record. Field order is the order on the wire. */
export const record = <F extends Fields>(name: string, fields: F): RecordShape<Values<F>> => ({
  kind: 'record',
  name,
  fields,
  parts: Object.values(fields),
  toAvro: (named) => {
    if (named.has(name)) return name
    named.add(name)
    return {
      type: 'record',
      name,
      fields: Object.entries(fields).map(([field, shape]) => ({
        name: field,
        type: shape.toAvro(named),
        ...(shape.fallback === undefined ? {} : { default: shape.fallback }),
      })),
    }
  },
})

/** Whether free text can occur anywhere in the shape. */
export const holdsText = (shape: Shape<unknown>): boolean => shape.isText === true || (shape.parts ?? []).some(holdsText)
