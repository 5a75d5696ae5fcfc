import { processKinds } from '../harness/processes-asks.ts';
import { judgedUnplanted } from '../judges/judges.ts';
import type { PartReport } from '../prove/part.ts';
import { runItself } from './case.ts';
import { isPassed } from './crash-point.ts';
import { type Case, type Recorded, showCase } from './plan.ts';
import type { Done } from './runs.ts';

/** What each journey's undisturbed runs did. One that went wrong is of no use as a recording, and stops the part. */
export function recordedFrom(undisturbed: readonly Done[]): Recorded[] {
  const journeys = new Set(undisturbed.map((done) => done.case.journey));
  return [...journeys].map((journey) => {
    const own = undisturbed.filter((done) => done.case.journey === journey);
    const recordings = own.flatMap(({ result: { tallies, violations, end } }) => {
      if (tallies !== null && violations.length === 0 && end === journey.ends[0]) return [tallies];
      const said = violations.map(({ subject, says }) => `${subject}: ${says}`).join('; ');
      throw new Error(`${journey.name} goes wrong with nothing killed (${end}): ${said}`);
    });
    return { journey, recordings };
  });
}

export function reportOf(run: {
  readonly seed: number;
  readonly points: number;
  readonly recorded: readonly Recorded[];
  readonly done: readonly Done[];
  readonly started: number;
  /** False where a person has chosen the cases: then only what was chosen has floors. */
  readonly isWhole: boolean;
}): PartReport {
  const { done, isWhole } = run;
  const isTried = (is: (one: Case) => boolean): boolean => isWhole || done.some((each) => is(each.case));
  const kinds = processKinds.filter((kind) => isTried(({ point }) => point?.kind === kind));
  const recorded = run.recorded.filter(({ journey }) => isTried((one) => one.journey === journey));
  const reached = done.filter(({ result }) => result.deaths > 0);
  const missed = done.filter(({ result }) => result.deaths === 0 && result.violations.length === 0);
  const told = (kind: string): number => done.flatMap(({ result }) => result.told).filter((one) => one === kind).length;
  const kills = kinds.map(
    (kind) => [kind, sum(reached.filter((each) => each.case.point?.kind === kind).map(deathsIn))] as const,
  );
  const ownEnds = recorded.map(({ journey }) => {
    const ended = reached.filter(
      ({ case: { journey: gone }, result }) => gone === journey && result.end === gone.ends[0],
    );
    return [journey.name, ended.length] as const;
  });
  const figures = {
    'points in the matrix': run.points,
    'cases tried': done.length,
    'points reached': reached.length,
    'points missed by a race': missed.length,
    'reached at the second try': reached.filter(({ isSecond }) => isSecond).length,
    'died again while taking over': reached.filter(({ result }) => result.deaths > 1).length,
    recoveries: reached.filter(({ result }) => result.end !== null).length,
    'acknowledged operations': told('ok') + told('refused'),
    'operations without an answer': told('unknown'),
    'processes started': run.started,
    ...Object.fromEntries(kills.map(([kind, count]) => [`kills of the ${kind}`, count])),
    ...Object.fromEntries(ownEnds.map(([name, count]) => [`recovered to the own end of: ${name}`, count])),
  };
  const floor = (figure: keyof typeof figures, least: number) => ({ figure, least, had: figures[figure] ?? 0 });
  return {
    seed: run.seed,
    figures,
    judged: judgedUnplanted,
    floors: [
      floor('points reached', Math.ceil(done.length * reachedShareMin)),
      floor('recoveries', Math.ceil(done.length * reachedShareMin)),
      floor('acknowledged operations', done.length * 2),
      ...(isWhole ? [floor('operations without an answer', 1), floor('died again while taking over', 1)] : []),
      ...kills.map(([kind]) => {
        const planned = done.filter((each) => each.case.point?.kind === kind).length;
        return floor(`kills of the ${kind}` as keyof typeof figures, Math.max(1, Math.floor(planned * killedShareMin)));
      }),
      ...ownEnds.map(([name]) => floor(`recovered to the own end of: ${name}` as keyof typeof figures, 1)),
    ],
    violations: done.flatMap(violationsOf),
  };
}

function deathsIn({ result }: Done): number {
  return result.deaths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const reachedShareMin = 0.95;
/** Of each process kind: a few kinds have few points, of which a race may miss one. */
const killedShareMin = 0.85;

/**
 * A point that was missed twice is a race, and counted as such, if the call was not made: undisturbed, too, it depends
 * on who comes first. A process that made the call and lived would make the whole matrix worthless.
 */
function violationsOf({ case: one, result }: Done): PartReport['violations'] {
  const where = showCase(one);
  const found = result.violations.map((violation) => ({ ...violation, where }));
  if (result.deaths > 0 || one.point === null) return found;
  const tally = result.tallies?.[one.point.kind];
  if (tally !== undefined && !isPassed(one.point, tally)) return found;
  return [...found, { promise: runItself, subject: one.point.kind, says: 'it made the call and did not die', where }];
}
