import { type CaseResult, runCase } from './case.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { Case } from './plan.ts';

export type Done = {
  readonly case: Case;
  readonly result: CaseResult;
  /** Whether it was gone twice because the process did not come by its point the first time. */
  readonly isSecond: boolean;
};

/** Runs the cases, so many at once. Rejects, when those under way have ended, if one could not be run at all. */
export async function runCases(
  lanes: Lanes,
  cases: readonly Case[],
  atOnce: number,
  onDone: (done: Done) => Promise<void>,
): Promise<Done[]> {
  const done: Done[] = [];
  const queue = [...cases];
  async function work(): Promise<void> {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      const next = one;
      try {
        const run = await lanes.use((lane) => runOne(lane, next));
        done.push(run);
        await onDone(run);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, work));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  return done;
}

async function runOne(lane: Lane, one: Case): Promise<Done> {
  const first = await runCase(lane, one);
  const isMissed = one.point !== null && first.deaths === 0 && first.violations.length === 0;
  return { case: one, result: isMissed ? await runCase(lane, one) : first, isSecond: isMissed };
}
