import type { Violation } from '../judges/judge.ts';

/** How long a part may take and how much it tries: everything at `npm run prove`, a bounded piece at every change. */
export type Scale = 'full' | 'bounded';

export type ProveContext = {
  readonly scale: Scale;
  /** Every choice of a part follows from it. */
  readonly seed: number;
  /** One line for the person in front of it; parts call it at least every few seconds. */
  readonly progress: (line: string) => void;
};

/** A part of the proof, such as the crash matrix. */
export type Part = {
  readonly name: string;
  /** In one sentence for somebody who has never heard of us. */
  readonly tries: string;
  run(context: ProveContext): Promise<PartReport>;
};

export type PartReport = {
  readonly seed: number;
  /**
   * Whole numbers by name. The page of promises adds up over all parts what is called `operations`, `kills`, `faults`
   * or `recoveries`; classes of one of them have its name as a word of theirs, such as `kills of the worker`, and are
   * added up where there is no figure for all classes. How many classes there are is called `kinds of …`.
   */
  readonly figures: Readonly<Record<string, number>>;
  /** Under a floor the part has proved nothing, and fails. Each is of a figure of the report; there is at least one. */
  readonly floors: readonly { readonly figure: string; readonly least: number; readonly had: number }[];
  readonly violations: readonly (Violation & { readonly where: string })[];
  /** The promises whose judges looked at what the part left; left out: all. */
  readonly judged?: readonly number[];
};

/** Why a report is not a success; empty when it is one. */
export function faultsOf(report: PartReport): string[] {
  const broken = report.violations.map(
    (each) => `promise ${each.promise}, ${each.subject} (${each.where}): ${each.says}`,
  );
  const floors = report.floors.filter(({ least, had }) => had < least);
  return [...broken, ...floors.map(({ figure, least, had }) => `only ${had} ${figure}: at least ${least} are needed`)];
}
