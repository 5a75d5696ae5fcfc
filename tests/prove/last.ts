import type { PartRun } from './report.ts';

/** The last full run that passed, as tests/prove/last.json keeps it. All numbers are whole. */
export type LastRun = {
  readonly ranAt: string;
  readonly commit: string;
  readonly seed: number;
  readonly seconds: number;
  readonly machine: { readonly cores: number; readonly node: string; readonly postgres: string };
  /** Violations that were planted for the judge of each promise, and found, before the run. */
  readonly canaries: Readonly<Record<string, number>>;
  readonly parts: readonly LastPart[];
};

export type LastPart = {
  readonly name: string;
  readonly tries: string;
  readonly seed: number;
  readonly seconds: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: number;
  /** Promises whose judges looked at it; left out: all. */
  readonly judged?: readonly number[];
};

/** A part as it is kept. Only parts that passed are. */
export function lastPart({ name, tries, seconds, end }: PartRun): LastPart {
  if (end.kind === 'failed') throw new Error(`${name} has no report to keep`);
  const { seed, figures, violations, judged } = end.report;
  const kept = { name, tries, seed, seconds, figures, violations: violations.length };
  return judged === undefined ? kept : { ...kept, judged };
}

/** The figures that are added up over all parts. */
export const totals = ['operations', 'kills', 'faults', 'recoveries'] as const;
export type Total = (typeof totals)[number];

/** A total of a part's figures: the figure of that name, or else the sum of its classes (`kills of the worker`). */
export function totalOf(figures: Readonly<Record<string, number>>, total: Total): number {
  const all = figures[total];
  if (all !== undefined) return all;
  const classes = Object.entries(figures).filter(([name]) => {
    return new RegExp(`\\b${total}\\b`).test(name) && !name.startsWith('kinds of ');
  });
  return classes.reduce((sum, [, figure]) => sum + figure, 0);
}

/** What a run has tried against one promise: the totals of the parts that its judge looked at. */
export function figuresAgainst(last: LastRun, promise: number): Record<Total | 'violations', number> {
  const parts = last.parts.filter(({ judged }) => judged === undefined || judged.includes(promise));
  const sumOf = (figureOf: (part: LastPart) => number): number => parts.reduce((sum, part) => sum + figureOf(part), 0);
  const [operations, kills, faults, recoveries] = totals.map((total) =>
    sumOf(({ figures }) => totalOf(figures, total)),
  );
  const violations = sumOf((part) => part.violations);
  return {
    operations: operations ?? 0,
    kills: kills ?? 0,
    faults: faults ?? 0,
    recoveries: recoveries ?? 0,
    violations,
  };
}
