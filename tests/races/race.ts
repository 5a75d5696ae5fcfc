import type { Random } from '../harness/chance.ts';
import { type HttpShop, type HttpShopOptions, openHttpShop } from '../harness/http-shop.ts';
import { figuresOf } from '../judges/figures.ts';
import type { Violation } from '../judges/judge.ts';
import { judgeAll } from '../judges/judges.ts';
import type { Scale } from '../prove/part.ts';

/** Where a race is run: a database of its own with the schema and no rows. */
export type Ground = {
  readonly databaseUrl: string;
  readonly scale: Scale;
  readonly random: Random;
  readonly progress: (line: string) => void;
};

export type Raced = {
  readonly violations: readonly Violation[];
  /** What happened in this race, as whole numbers; the names of two races do not meet. */
  readonly figures: Readonly<Record<string, number>>;
  /** Calls that buyers made. */
  readonly operations: number;
  /** Of these, those that were told that it is done. */
  readonly acknowledged: number;
};

export type Race = {
  readonly name: string;
  run(ground: Ground): Promise<Raced>;
};

/** What a race has seen itself, before the judges look. */
export type Seen = {
  readonly violations: readonly Violation[];
  readonly figures: Readonly<Record<string, number>>;
};

/** Opens a shop, races in it, waits for its rest, and has every judge look at what is left. */
export async function raceIn(
  ground: Ground,
  options: Omit<HttpShopOptions, 'databaseUrl'> & { readonly allowsPeople?: boolean },
  race: (shop: HttpShop) => Promise<Seen>,
): Promise<Raced> {
  const shop = await openHttpShop({ databaseUrl: ground.databaseUrl, ...options });
  try {
    const seen = await race(shop);
    const { evidence, unrest } = await shop.rest({
      withinMs: restWithinMs,
      allowsPeople: options.allowsPeople ?? false,
      onProgress: ground.progress,
    });
    const { operations = 0, acknowledged = 0 } = figuresOf(evidence);
    return {
      figures: seen.figures,
      violations: [...seen.violations, ...unrest, ...judgeAll(evidence)],
      operations,
      acknowledged,
    };
  } finally {
    await shop.stop();
  }
}

const restWithinMs = 60_000;

/** A violation for each thing that was said, and nothing for what was not. */
export function violationsOf(promise: number, subject: string, ...says: readonly (string | false)[]): Violation[] {
  return says.flatMap((each) => (each === false ? [] : [{ promise, subject, says: each }]));
}

/** Does the work for all, no more than so many at a time. */
export async function inLanes<T, R>(lanes: number, all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...all.entries()];
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await work(next[1]);
    }),
  );
  return results;
}
