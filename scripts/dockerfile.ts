// Reads a Dockerfile into its stages and steps, as far as ours goes: no ARG, no heredoc, no ADD.
// Stands between the Dockerfile and those who look at it without an engine: scripts/check-image.ts and a test.

export interface Step {
  readonly instruction: string
  readonly text: string
}

export interface Stage {
  readonly name: string
  readonly base: string
  readonly steps: readonly Step[]
}

const known = ['FROM', 'WORKDIR', 'ENV', 'COPY', 'RUN', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']

const stepsOf = (text: string): Step[] =>
  text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [instruction = '', ...words] = line.trim().split(/\s+/)
      if (!known.includes(instruction)) throw new Error(`Dockerfile: ${instruction} is not an instruction we use`)
      return { instruction, text: words.join(' ') }
    })

/** The stages in order; the last one is the image. Throws on instructions we do not use and on steps before the first FROM. */
export const readDockerfile = (text: string): Stage[] => {
  const stages: { name: string; base: string; steps: Step[] }[] = []
  for (const step of stepsOf(text)) {
    if (step.instruction === 'FROM') {
      const [base = '', , name = 'image'] = step.text.split(' ')
      stages.push({ name, base, steps: [] })
      continue
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error('Dockerfile: a step stands before the first FROM')
    stage.steps.push(step)
  }
  return stages
}

/** The words of an instruction in JSON form, as in `CMD ["serve"]`; options before it (`--interval=10s CMD`) are passed over. */
export const wordsOf = (stage: Stage, instruction: string): string[] => {
  const step = stage.steps.findLast((candidate) => candidate.instruction === instruction)
  if (step === undefined) return []
  return JSON.parse(step.text.slice(step.text.indexOf('['))) as string[]
}

/** `ENV a=b c=d` of a stage, all of them. */
export const environmentOf = (stage: Stage): Record<string, string> =>
  Object.fromEntries(
    stage.steps
      .filter(({ instruction }) => instruction === 'ENV')
      .flatMap(({ text }) => text.split(' '))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )

/** `COPY [--from=stage] source... target`. */
export const copyOf = (step: Step): { from: string | undefined; sources: string[]; target: string } => {
  const words = step.text.split(' ')
  const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined
  const target = words.pop() ?? ''
  return { from, sources: words, target }
}
