/** A bug that is planted on purpose: a text of the code that the tests load is replaced by another one. */
export type Mutant = {
  readonly name: string;
  /** The number of the known bug that it translates to our code (docs/mutants.md), or one of our own. */
  readonly bug: KnownBug | 'own';
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
  /** What a buyer or the merchant would lose by it. */
  readonly why: string;
  readonly caughtBy: {
    readonly file: string;
    /** The whole name of the test. */
    readonly test: string;
    /** The promises of which a judge is to find violations, where the test is a run under the judges. */
    readonly judges?: readonly number[];
  };
};

export type KnownBug = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Where admired code loses money: what happens there, in one sentence each. */
export const knownBugs: Readonly<Record<KnownBug, string>> = {
  1: 'An outbox is emptied up to the last id that was read; an event that is committed late below it is lost.',
  2: 'A reader of events keeps one number as its place, although numbers are committed out of order.',
  3: 'Only the request itself carries its consequences on; after a crash nobody looks for what is left.',
  4: 'An error while committing is swallowed, and the client is told that it has an order.',
  5: 'What must not happen is passed over silently instead of stopping loudly.',
  6: 'A compensation is registered after its step; a step that acted without an answer is never taken back.',
  7: 'A payment without an answer is taken for declined.',
  8: 'The provider is called before the intent is written down; after a crash nobody knows of the charge.',
  9: 'Money that comes after the order was cancelled is noted and kept.',
  10: 'The details of the payment are written where everything is logged.',
};

/** The text with the bug in it. A mutant that does not fit exactly once is out of date, and proves nothing. */
export function plantedIn(text: string, { name, file, from, to }: Mutant): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`the mutant "${name}" fits ${parts.length - 1} times into ${file}`);
  return parts.join(to);
}

/** Many buyers, retries, races and faults, and then all judges. */
export const judgedRun = {
  file: 'tests/judges/real-run.http.test.ts',
  test: 'the judges find nothing in a run of many buyers, retries, races and faults',
} as const;
