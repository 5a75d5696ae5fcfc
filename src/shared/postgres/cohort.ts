import { assert } from '../assert.ts';
import { createCollector } from '../collector.run.ts';
import { type Database, isConnectionError, type SetStatement, type Transaction } from './client.ts';

/** Work about one thing, such as an order. It has no effect outside of the transaction, and waits for nothing else. */
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
 * For the handlers of messages. A queue hands out no more than that at once, and two transactions keep both sides
 * busy: while the server writes the one, the process works on the other.
 */
export const cohortLimits = { batchMax: 64, inFlightMax: 2 } as const;

/**
 * Shares transactions among works of one kind. Each work is written for one; what they ask for by `tx.each` is asked
 * for once for all of them, so that a step costs as many statements for sixty orders as for one.
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

/** Runs the works side by side in one transaction: whenever all of them wait, what they ask for is asked for. */
async function together(tx: Transaction, works: readonly Work[]): Promise<readonly unknown[]> {
  const [first] = works;
  if (works.length === 1 && first !== undefined) return [await first.does(tx)];
  const gathering = gather(tx, works.length);
  const settled = await Promise.allSettled(
    works.map(async ({ does }) => {
      try {
        return await does(shareOf(tx, gathering));
      } catch (error) {
        gathering.fail(error);
        throw error;
      } finally {
        gathering.rests();
      }
    }),
  );
  const failure = gathering.failure();
  if (failure !== null) throw failure.error;
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value);
}

/** What one work sees. It waits for one answer at a time: who waits twice would be counted twice. */
function shareOf(tx: Transaction, gathering: Gathering): Transaction {
  let isWaiting = false;
  return {
    ...tx,
    // One connection does one thing at a time.
    query: (statement) => gathering.alone(() => tx.query(statement)) as never,
    execute: (statement) => gathering.alone(() => tx.execute(statement)),
    async each(statement, asked) {
      assert(!isWaiting, 'a work of a cohort asks for one thing at a time');
      isWaiting = true;
      try {
        return await gathering.ask(statement, asked);
      } finally {
        isWaiting = false;
      }
    },
  };
}

type Gathering = {
  /** Waits until everybody waits, and gives the answer. */
  ask<Ask, Answer>(statement: SetStatement<Ask, Answer>, asked: Ask): Promise<Answer>;
  /** Has what a work asks by itself done after what others asked before. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** One work less that computes: it waits, or has ended. */
  rests(): void;
  /** Nobody gets an answer any more: the transaction will be rolled back. */
  fail(error: unknown): void;
  failure(): { readonly error: unknown } | null;
};

type AnyStatement = SetStatement<never, unknown>;
type Waiting = { readonly asked: unknown; resolve(answer: unknown): void; reject(error: unknown): void };

function gather(tx: Transaction, works: number): Gathering {
  const groups = new Map<AnyStatement, Waiting[]>();
  let [busy, failure] = [works, null as { readonly error: unknown } | null];

  function fail(error: unknown): void {
    failure ??= { error };
    for (const { reject } of [...groups.values()].flat()) reject(failure.error);
    groups.clear();
  }

  function rests(): void {
    busy -= 1;
    if (busy > 0 || groups.size === 0) return;
    const asked = [...groups];
    groups.clear();
    busy = asked.reduce((sum, [, waiting]) => sum + waiting.length, 0);
    answer(tx, asked).catch((error) => {
      for (const { reject } of asked.flatMap(([, waiting]) => waiting)) reject(error);
      fail(error);
    });
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    alone<T>(work: () => Promise<T>): Promise<T> {
      const next = last.then(work, work);
      last = next.catch(() => {});
      return next;
    },
    ask<Ask, Answer>(statement: SetStatement<Ask, Answer>, asked: Ask): Promise<Answer> {
      if (failure !== null) return Promise.reject(failure.error);
      return new Promise<Answer>((resolve, reject) => {
        const group = groups.get(statement as AnyStatement) ?? [];
        groups.set(statement as AnyStatement, group);
        group.push({ asked, resolve: resolve as (answer: unknown) => void, reject });
        rests();
      });
    },
    rests,
    fail,
    failure: () => failure,
  };
}

/** Sends each statement once. Nobody goes on before all answers are there, so that all ask for the next together. */
async function answer(tx: Transaction, groups: readonly (readonly [AnyStatement, readonly Waiting[]])[]) {
  const answers: (readonly unknown[])[] = [];
  for (const [statement, waiting] of groups) {
    answers.push(await statement(tx, waiting.map(({ asked }) => asked) as never[]));
  }
  groups.forEach(([, waiting], group) => {
    waiting.forEach(({ resolve }, index) => {
      resolve(answers[group]?.[index]);
    });
  });
}
