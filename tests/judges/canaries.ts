import { canariesOfAnswers } from './canaries-of-answers.ts';
import { canariesOfEnds } from './canaries-of-ends.ts';
import { canariesOfHalves } from './canaries-of-halves.ts';
import { canariesOfMoney } from './canaries-of-money.ts';
import type { Canary } from './canary.ts';
import { cleanEvidence } from './clean-evidence.ts';
import type { Evidence } from './evidence.ts';
import type { Judge } from './judge.ts';

export const canaries: readonly Canary[] = [
  ...canariesOfAnswers,
  ...canariesOfMoney,
  ...canariesOfEnds,
  ...canariesOfHalves,
];

/** With fewer, a judge may see one kind of fault by luck. */
const canariesMin = 2;

/**
 * What is wrong with the judges: one that speaks of a clean evidence, one that does not find what was planted for it,
 * one for which nothing is planted. Empty when they see. A run whose judges are blind proves nothing, so this comes
 * before every run.
 */
export function faultsOfJudges(
  judges: readonly Judge[],
  planted: readonly Canary[] = canaries,
  clean: Evidence = cleanEvidence(),
): string[] {
  return judges.flatMap(({ promise, judge }) => {
    const own = planted.filter((canary) => canary.promise === promise);
    const few = `the judge of promise ${promise} has ${own.length} canaries: at least ${canariesMin} are needed`;
    return [
      ...(own.length < canariesMin ? [few] : []),
      ...judge(clean).map(
        ({ subject, says }) => `promise ${promise} is said to be broken where it is kept: ${subject} ${says}`,
      ),
      ...own
        .filter((canary) => !isFound(judge, canary, clean))
        .map(({ plants }) => {
          return `the judge of promise ${promise} does not see: ${plants}`;
        }),
    ];
  });
}

function isFound(judge: Judge['judge'], { promise, plant, finds }: Canary, clean: Evidence): boolean {
  return judge(plant(clean)).some((violation) => violation.promise === promise && finds.test(violation.says));
}
