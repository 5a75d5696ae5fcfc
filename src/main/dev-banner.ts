/** What a started part tells the person in front of it. */
export type Told = {
  readonly name: string;
  /** Its address, folder or count: one short line. */
  readonly detail: string;
};

/** The text that says what runs where, and what to do now. */
export function banner(facts: {
  readonly parts: readonly Told[];
  readonly pid: number;
  readonly seconds: string;
  readonly dataDir: string;
  readonly logPath: string;
  /** One command that buys something. */
  readonly tryIt: string | undefined;
  /** Where to look next: a command or an address, and what it shows. */
  readonly next: readonly (readonly [string, string])[];
}): string {
  const rows = [
    ...facts.parts.map(({ name, detail }) => [name, detail] as const),
    ['data', facts.dataDir] as const,
    ['log', facts.logPath] as const,
  ];
  const sections = [
    `Onetill is ready (${facts.seconds} s, pid ${facts.pid}).`,
    table(rows),
    ...(facts.tryIt === undefined ? [] : [`Buy something:\n\n${indent(facts.tryIt)}`]),
    ...(facts.next.length === 0 ? [] : [`Then look:\n\n${table(facts.next)}`]),
    'Ctrl-C stops everything.',
  ];
  return `\n${sections.join('\n\n')}\n\n`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
