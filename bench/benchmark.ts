// What every benchmark is: a name, what it measures against what, and a run that answers flat figures.

export interface BenchmarkRun {
  /** Fewer rounds, the same fields, done within 50 s. */
  readonly isQuick: boolean
  readonly say: (line: string) => void
}

export interface Benchmark {
  readonly name: string
  readonly explains: string
  readonly fields: string
  readonly goal: string
  run(options: BenchmarkRun): Promise<Readonly<Record<string, number>>>
}

export const round = (value: number, digits = 3): number => Math.round(value * 10 ** digits) / 10 ** digits
