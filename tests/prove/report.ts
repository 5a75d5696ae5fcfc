import { faultsOf, type PartReport } from './part.ts';

/** How a part ended: with a report, or without one. */
export type PartEnd =
  | { readonly kind: 'report'; readonly report: PartReport }
  | { readonly kind: 'failed'; readonly why: string };

export type PartRun = {
  readonly name: string;
  readonly tries: string;
  readonly seconds: number;
  readonly end: PartEnd;
  /** Processes that it left behind, and that were ended for it. */
  readonly leftBehind: readonly string[];
};

/** Why the part is no success; empty when it is one. */
export function faultsOfRun({ end, leftBehind }: PartRun): string[] {
  const left = leftBehind.map((process) => `left a process behind: ${process}`);
  if (end.kind === 'failed') return [end.why, ...left];
  return [...faultsOf(end.report), ...unsoundness(end.report), ...left];
}

/** A report that could not fail, or whose numbers are none, proves nothing. */
function unsoundness({ figures, floors }: PartReport): string[] {
  const odd = Object.entries(figures).filter(([, figure]) => !Number.isSafeInteger(figure) || figure < 0);
  const loose = floors.filter(({ figure, had }) => figures[figure] !== had);
  const lax = floors.filter(({ least }) => !(least > 0));
  return [
    ...odd.map(([name, figure]) => `${name} is ${figure}, which is no whole number`),
    ...(floors.length === 0 ? ['it has no floors: it could do nothing and not notice'] : []),
    ...loose.map(({ figure, had }) => `its floor says ${had} ${figure}, its figures ${figures[figure] ?? 'nothing'}`),
    ...lax.map(({ figure, least }) => `its floor of ${least} ${figure} is none`),
  ];
}

/** The table at the end of a run: part, time, violations, figures; and below it each fault in full. */
export function tableOf(runs: readonly PartRun[]): string {
  const rows = runs.map((run) => [run.name, `${run.seconds} s`, verdictOf(run), figuresText(run)] as const);
  const titles = ['part', 'time', 'violations', 'figures'] as const;
  const widths = [0, 1, 2].map((column) => Math.max(...[titles, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 3 ? cell : cell.padEnd((widths[column] ?? 0) + 2))).join('');
  const faults = runs.flatMap((run) => faultsOfRun(run).map((fault) => `${run.name}: ${fault}`));
  return [line(titles), ...rows.map(line), '', ...faults].join('\n').trimEnd();
}

function verdictOf(run: PartRun): string {
  if (run.end.kind === 'failed') return 'FAILED';
  const { length } = run.end.report.violations;
  return length === 0 && faultsOfRun(run).length > 0 ? 'FAILED' : String(length);
}

function figuresText({ end }: PartRun): string {
  if (end.kind === 'failed') return 'no report';
  return Object.entries(end.report.figures)
    .map(([name, figure]) => `${name} ${figure}`)
    .join(' · ');
}
