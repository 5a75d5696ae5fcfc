import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWaker, wakeChannel } from '../../../src/messaging/waker.run.ts';
import { wakeWorkers } from '../../../src/operations/wake.sql.ts';
import { sleep } from '../../../src/shared/clock.ts';
import { statements } from '../store/statements/all.ts';
import { worldBeginsMs } from '../virtual-time.ts';
import { contractRows, deeds, differenceOf, type Step } from './lockstep.ts';
import { openMemory, openPostgres } from './two-stores.ts';

/** Hints, of which only whoever listens can tell; a test of their own does. */
const hints = ['wake', 'wake_workers'];
/** What it does can be told only while two are at work (store-locks.db.test.ts). */
const locks = ['lock_checkout'];

const weights: Readonly<Record<string, number>> = {
  statement: 80,
  work: 30,
  together: 14,
  create: 8,
  complete: 14,
  webhook: 6,
  replayLetter: 6,
};
const kinds = Object.keys(deeds).flatMap((deed) => Array.from({ length: weights[deed] ?? 3 }, () => deed));
const step: fc.Arbitrary<Step> = fc.record({
  deed: fc.constantFrom(...kinds),
  seed: fc.nat(),
  laterMs: fc.oneof(
    { weight: 6, arbitrary: fc.nat(20) },
    { weight: 4, arbitrary: fc.nat(20_000) },
    { weight: 1, arbitrary: fc.nat(1_200_000) },
  ),
});
const opening: readonly Step[] = [1, 2, 3].flatMap((seed) => [
  { deed: 'create', seed, laterMs: 0 },
  { deed: 'complete', seed, laterMs: 0 },
]);
const walks = fc.array(step, { minLength: 80, maxLength: 140 }).map((steps) => [...opening, ...steps]);

/** The same walks in every run, so that what they cover is what was seen here; RUNS and SEED try others. */
const runs = Number(process.env.RUNS ?? 16);
const seed = Number(process.env.SEED ?? 20_261_121);

const seenNames = new Set<string>(hints);

test('both stores give the same answers, the same errors and the same tables, whatever is done to them', async () => {
  await fc.assert(
    fc.asyncProperty(walks, async (steps) => {
      const [expected, had] = await Promise.all([
        openPostgres(contractRows(), worldBeginsMs),
        openMemory(contractRows(), worldBeginsMs),
      ]);
      try {
        expect(await differenceOf(steps, { expected, had }, { seenNames, comparesEverySteps: 20 })).toBeNull();
      } finally {
        await expected.stop();
      }
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
}, 180_000);

test('every statement of the store in memory is tried beside the real one, and no other is used', () => {
  expect([...seenNames].sort()).toEqual(Object.keys(statements).sort());
});

test('a statement that does nothing in one of two stores is noticed, whichever it is', async () => {
  // Most are noticed in the first walk; a rare one may need many.
  const samples = fc.sample(walks, { numRuns: 4 * runs, seed });
  const unnoticed: string[] = [];
  for (const name of Object.keys(statements).filter((each) => ![...hints, ...locks].includes(each))) {
    const idle = { ...statements, [name]: () => [] };
    const noticed = await firstOf(samples, async (steps) => {
      const expected = await openMemory(contractRows(), worldBeginsMs);
      const had = await openMemory(contractRows(), worldBeginsMs, idle);
      return await differenceOf(steps, { expected, had }, { comparesEverySteps: 1 });
    });
    if (noticed === null) unnoticed.push(name);
  }
  expect(unnoticed).toEqual([]);
}, 120_000);

async function firstOf<T, R>(items: readonly T[], of: (item: T) => Promise<R | null>): Promise<R | null> {
  for (const item of items) {
    const found = await of(item);
    if (found !== null) return found;
  }
  return null;
}

test('a hint reaches whoever listens on either store, once it is committed', async () => {
  for (const open of [openPostgres, openMemory]) {
    const { database, stop } = await open(contractRows(), worldBeginsMs);
    const heard: string[] = [];
    const stopListening = await database.listen(wakeChannel, (payload) => heard.push(payload));
    createWaker(database, (error) => {
      throw error;
    }).wake(['orders', 'stock']);
    await until(() => heard.length === 1);
    await database
      .transaction(async (tx) => {
        await wakeWorkers(tx, wakeChannel, ['rolled back']);
        throw new RangeError('rolled back');
      })
      .catch(() => {});
    await wakeWorkers(database, wakeChannel, ['payments']);
    await until(() => heard.length === 2);
    expect(heard).toEqual(['orders,stock', 'payments']);
    await stopListening();
    await stop();
  }
});

async function until(isSo: () => boolean): Promise<void> {
  for (let looks = 0; looks < 500 && !isSo(); looks += 1) await sleep(10);
}
