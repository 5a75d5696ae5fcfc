import type { Tried } from './campaign.ts';

/** The last full run in which every mutant was caught, as tests/mutants/last.json keeps it. */
export type LastMutants = {
  readonly ranAt: string;
  readonly commit: string;
  readonly seconds: number;
  readonly machine: { readonly cores: number; readonly node: string; readonly postgres: string };
  readonly caught: readonly CaughtMutant[];
};

export type CaughtMutant = {
  readonly name: string;
  /** The promises of which a judge found violations; empty where the test itself found it. */
  readonly promises: readonly number[];
  /** From the beginning of the test to its failure. */
  readonly afterMs: number;
};

/** The mutants as they are kept. Only runs that caught all of them are. */
export function caughtOf(tried: readonly Tried[]): CaughtMutant[] {
  return tried.map(({ mutant, verdict }) => {
    if (verdict.verdict !== 'caught') throw new Error(`${mutant.name} was not caught`);
    return { name: mutant.name, promises: verdict.promises, afterMs: verdict.afterMs };
  });
}
