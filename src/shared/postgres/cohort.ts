import { assert } from '../assert.ts';
import { createCollector } from '../collector.ts';
import { type Database, isConnectionError, type SetStatement, type Transaction } from './client.ts';

/** Work that is about one thing, such as an order. It has no effect outside of the transaction, and waits for nothing. */
type Work = { readonly key: string; readonly does: (tx: Transaction) => Promise<unknown> };

export type Cohort = {
  /**
   * Runs the work in a transaction, as `database.transaction` does, which it shares with work of the same kind that is
   * there at the same time. Works of one key never share one. Work that fails is rolled back alone: its neighbours are
   * done again without it.
   */
  transaction<T>(key: string, work: (tx: Transaction) => Promise<T>): Promise<T>;
};

export type CohortOptions = {
  readonly database: Database;
  readonly batchMax: number;
  readonly inFlightMax: number;
  readonly onBatch?: (size: number) => void;
};

/**
 * For the handlers of messages. A queue hands out no more than that at once, and two transactions keep both sides busy:
 * while the server writes the one, the process works on the other.
 */
export const cohortLimits = { batchMax: 64, inFlightMax: 2 } as const;

/**
 * Shares transactions among works of one kind. Each work is written for one; what they ask for by `tx.each` is asked for
 * once for all of them, so that a step costs as many statements for a hundred orders as for one.
 */
export function createCohort(options: CohortOptions): Cohort {
  const collector = createCollector<Work, unknown>({
    batchMax: options.batchMax,
    inFlightMax: options.inFlightMax,
    keysOf: ({ key }) => [key],
    run: (works) => options.database.transaction((tx) => together(tx, works)),
    // With the database away every half would wait for it again, one after the other.
    splitsOn: (error) => !isConnectionError(error),
    ...(options.onBatch === undefined ? {} : { onBatch: options.onBatch }),
  });
  return {
    async transaction<T>(key: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
      return (await collector.add({ key, does: work })) as T;
    },
  };
}

type Gathered = {
  readonly asks: unknown[];
  readonly waiting: { resolve(answer: unknown): void; reject(error: unknown): void }[];
};

/** Runs the works side by side in one transaction: whenever all of them wait, what they ask for is asked for at once. */
async function together(tx: Transaction, works: readonly Work[]): Promise<readonly unknown[]> {
  const [first] = works;
  if (works.length === 1 && first !== undefined) return [await first.does(tx)];
  const gathered = new Map<SetStatement<never, unknown>, Gathered>();
  let [busy, failure] = [works.length, null as { readonly error: unknown } | null];

  function fail(error: unknown): void {
    failure ??= { error };
    for (const { waiting } of gathered.values()) for (const { reject } of waiting) reject(failure.error);
    gathered.clear();
  }

  function ask<Ask, Answer>(statement: SetStatement<Ask, Answer>, asked: Ask): Promise<Answer> {
    if (failure !== null) return Promise.reject(failure.error);
    return new Promise<Answer>((resolve, reject) => {
      const group = gathered.get(statement as never) ?? { asks: [], waiting: [] };
      gathered.set(statement as never, group);
      group.asks.push(asked);
      group.waiting.push({ resolve: resolve as (answer: unknown) => void, reject });
      rest();
    });
  }

  /** One work less that computes; when none does, those who wait get their answers and compute again. */
  function rest(): void {
    busy -= 1;
    if (busy > 0 || gathered.size === 0) return;
    const groups = [...gathered];
    gathered.clear();
    busy = groups.reduce((sum, [, { asks }]) => sum + asks.length, 0);
    answer(groups).catch((error) => {
      for (const [, { waiting }] of groups) for (const { reject } of waiting) reject(error);
      fail(error);
    });
  }

  async function answer(groups: readonly [SetStatement<never, unknown>, Gathered][]): Promise<void> {
    const answers: (readonly unknown[])[] = [];
    for (const [statement, { asks }] of groups) answers.push(await statement(tx, asks as never[]));
    groups.forEach(([, { waiting }], group) => {
      waiting.forEach(({ resolve }, index) => {
        resolve(answers[group]?.[index]);
      });
    });
  }

  /** What one work sees. It waits for one answer at a time: who waits twice would be counted twice. */
  function shareOf(): Transaction {
    let isWaiting = false;
    return {
      ...tx,
      async each(statement, asked) {
        assert(!isWaiting, 'a work of a cohort asks for one thing at a time');
        isWaiting = true;
        try {
          return await ask(statement, asked);
        } finally {
          isWaiting = false;
        }
      },
    };
  }

  const settled = await Promise.allSettled(
    works.map(async ({ does }) => {
      try {
        return await does(shareOf());
      } catch (error) {
        fail(error);
        throw error;
      } finally {
        rest();
      }
    }),
  );
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value);
}
