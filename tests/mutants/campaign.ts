import type { Mutant } from './mutant.ts';
import { tryMutant, tryWithout, type Verdict } from './try.ts';

export type Tried = { readonly mutant: Mutant; readonly verdict: Verdict };

export type Campaign = {
  /** What is wrong with the tests without a mutant: then their failures with one prove nothing. */
  readonly control: readonly string[];
  readonly tried: readonly Tried[];
};

/** As many as there are cores on the smallest machine that this must be quick on. */
const atOnce = 2;
const beatMs = 20_000;

/** The tests without a mutant, and then with each of them, two at a time. */
export async function campaign(
  chosen: readonly Mutant[],
  options: { readonly postgresUrl: string; readonly onProgress: (line: string) => void },
): Promise<Campaign> {
  const { postgresUrl, onProgress } = options;
  onProgress(`the tests of ${chosen.length} mutants, without a mutant`);
  // One run for all of them, which may take a minute and says nothing meanwhile; it is bounded by itself.
  const beat = setInterval(() => onProgress('the control run is under way'), beatMs);
  const control = await tryWithout(chosen, postgresUrl).finally(() => clearInterval(beat));
  if (control.length > 0) return { control, tried: [] };
  const waiting = [...chosen];
  const tried: Tried[] = [];
  async function lane(): Promise<void> {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await tryMutant(mutant, postgresUrl);
      tried.push({ mutant, verdict });
      onProgress(`${tried.length} of ${chosen.length}: ${mutant.name}: ${verdict.verdict}`);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { control, tried: [...tried].sort((a, b) => chosen.indexOf(a.mutant) - chosen.indexOf(b.mutant)) };
}

/** What is to be mended: in the tests, if a mutant survives; in the mutant, if it fits no more. */
export function faultsOf({ control, tried }: Campaign): string[] {
  const faults = tried.flatMap(({ mutant, verdict }) => {
    switch (verdict.verdict) {
      case 'caught':
        return [];
      case 'survived':
        return [`${mutant.name}: survived, though "${mutant.caughtBy.test}" is to catch it`];
      case 'unclear':
        return [`${mutant.name}: ${verdict.why}`];
      default:
        return [verdict satisfies never];
    }
  });
  return [...control, ...faults];
}
