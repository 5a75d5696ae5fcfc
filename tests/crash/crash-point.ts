import type { ProcessKind } from '../harness/processes-asks.ts';

/** Where a process dies: before the call leaves, when it has left and no answer came, or when the answer is here. */
export const places = ['before', 'during', 'after'] as const;
export type Place = (typeof places)[number];

/**
 * A call, named by what it is and not by a number: `authorise-payment: commit after settle_messages`. The n-th such
 * call of a process since it was armed is the same one in every run of a journey, however often the process looked for
 * work in between (docs/decisions/0017).
 */
export type CallName = string;

/** What one process did since it was armed, by the name of the call. */
export type Tally = Readonly<Record<CallName, Count>>;
export type Count = Traits & {
  readonly calls: number;
  /** Of these, how many answers held or changed anything. */
  readonly finds: number;
};
export type Traits = {
  /** Whether it does something elsewhere, so that dying while it is under way is a case of its own. */
  readonly acts: boolean;
  /** Whether it comes right after another call of the same transaction: before it is after that one. */
  readonly follows: boolean;
};

export type Point = {
  readonly kind: ProcessKind;
  readonly name: CallName;
  /** Whether the calls of the name are counted, or only those that found something. */
  readonly counted: 'calls' | 'finds';
  readonly occurrence: number;
  readonly place: Place;
};

export function showPoint({ kind, name, counted, occurrence, place }: Point): string {
  return `${kind} dies ${place} ${name}${counted === 'finds' ? ' that finds something' : ''} #${occurrence}`;
}

/**
 * The points of one process kind in one journey: every call that all recordings have in common, in every place.
 *
 * A call that an idle process makes too is a question, asked again and again: that it is asked changes nothing, so only
 * what follows when it finds something is a point; besides, an idle process dies once. A call whose number differs from
 * recording to recording is repeated until something has happened: it is a point the first time and the last time that
 * all have in common.
 */
export function pointsOf(kind: ProcessKind, idle: Tally, recordings: readonly Tally[]): Point[] {
  const [first = {}] = recordings;
  const points = Object.entries(first).flatMap(([name, traits]): Point[] => {
    const counted = name in idle ? 'finds' : 'calls';
    if ((idle[name]?.finds ?? 0) > 0) return [];
    const inPlaces = counted === 'finds' ? (['after'] as const) : placesOf(traits);
    return occurrencesOf(recordings.map((each) => each[name]?.[counted] ?? 0)).flatMap((occurrence) =>
      inPlaces.map((place) => ({ kind, name, counted, occurrence, place })),
    );
  });
  const [question] = Object.keys(idle);
  if (question === undefined) return points;
  return [{ kind, name: question, counted: 'calls', occurrence: 1, place: 'before' }, ...points];
}

function placesOf({ acts, follows }: Traits): Place[] {
  return places.filter((place) => (place === 'before' ? !follows : place === 'after' || acts));
}

function occurrencesOf(counts: readonly number[]): number[] {
  const least = Math.min(...counts);
  const isSteady = counts.every((count) => count === least);
  const all = Array.from({ length: least }, (_, index) => index + 1);
  return isSteady ? all : all.filter((occurrence) => occurrence === 1 || occurrence === least);
}

/** Whether the process came by the point in a run in which it did not die. */
export function isPassed({ name, counted, occurrence }: Point, tally: Tally): boolean {
  return (tally[name]?.[counted] ?? 0) >= occurrence;
}
