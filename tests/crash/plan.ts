import { newDice } from '../../bench/dice.ts';
import { type ProcessKind, processKinds } from '../harness/processes-asks.ts';
import { type Point, pointsOf, showPoint, type Tally } from './crash-point.ts';
import type { Journey } from './journey.ts';

/** A journey, gone with a process that dies at the point; or undisturbed. */
export type Case = {
  readonly journey: Journey;
  readonly point: Point | null;
  /** 2: the process that takes over dies there, too, should it come by. */
  readonly deaths: 0 | 1 | 2;
};

export function showCase({ journey, point, deaths }: Case): string {
  return `${journey.name}: ${point === null ? 'undisturbed' : showPoint(point)}${deaths > 1 ? ', twice' : ''}`;
}

export type Recording = Readonly<Record<ProcessKind, Tally>>;
export type Recorded = { readonly journey: Journey; readonly recordings: readonly Recording[] };

/** The matrix: every journey, every process kind, every call that it makes, every place in it. */
export function allCases(idle: Recording, recorded: readonly Recorded[]): Case[] {
  return recorded.flatMap(({ journey, recordings }) =>
    processKinds.flatMap((kind) =>
      pointsOf(
        kind,
        idle[kind],
        recordings.map((each) => each[kind]),
      ).map((point): Case => ({ journey, point, deaths: 1 })),
    ),
  );
}

/** The same cases in an order that follows from the seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const dice = newDice(seed);
  const mixed = [...items];
  for (let index = mixed.length - 1; index > 0; index -= 1) {
    const other = Math.floor(dice() * (index + 1));
    [mixed[index], mixed[other]] = [mixed[other] as Item, mixed[index] as Item];
  }
  return mixed;
}

/**
 * So many of the cases, as the seed has it, with every journey and every process kind among them: round after round one
 * case of each journey and process kind that has any left.
 */
export function sampled(cases: readonly Case[], count: number, seed: number): Case[] {
  const groups = new Map<string, Case[]>();
  for (const each of shuffled(cases, seed)) {
    const group = `${each.journey.name} ${each.point?.kind}`;
    groups.set(group, [...(groups.get(group) ?? []), each]);
  }
  const rounds = Math.max(0, ...[...groups.values()].map((group) => group.length));
  const inRounds = Array.from({ length: rounds }, (_, round) =>
    [...groups.values()].flatMap((group) => group[round] ?? []),
  );
  return inRounds.flat().slice(0, count);
}

/**
 * What is tried of the matrix: everything; or a sample; or what holds the words, as a failure names it. In every fifth
 * case the process that takes over dies as well: dying on the way back is dying, too.
 */
export function chosen(
  all: readonly Case[],
  how: { readonly only: string | undefined; readonly casesMax: number; readonly seed: number },
): Case[] {
  const { only, casesMax, seed } = how;
  if (only !== undefined) {
    const words = only.replace(twice, '');
    const deaths = words === only ? 1 : 2;
    return all
      .map((each): Case => ({ ...each, deaths: 1 }))
      .filter((each) => showCase(each).includes(words))
      .map((each) => ({ ...each, deaths }));
  }
  const cases = casesMax < all.length ? sampled(all, casesMax, seed) : shuffled(all, seed);
  return cases.map((each, index) => (index % 5 === 4 ? { ...each, deaths: 2 } : each));
}

const twice = /, twice$/;
