import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Queryable, SetStatement, Transaction } from '../../src/shared/postgres/client.ts';
import { type Cohort, createCohort } from '../../src/shared/postgres/cohort.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

let scratch: TestDatabase;
let cohort: Cohort;
const batches: number[] = [];
beforeEach(async () => {
  scratch = await createTestDatabase();
  await scratch.database.execute({
    text: 'create table marks (name text primary key, transaction_id text not null, check (length(name) < 9))',
  });
  batches.length = 0;
  cohort = createCohort({
    database: scratch.database,
    batchMax: 100,
    inFlightMax: 1,
    onBatch: (size) => batches.push(size),
  });
});
afterEach(() => scratch.drop());

let asked: (readonly string[])[] = [];
const mark: SetStatement<string, string> = async (db: Queryable, names) => {
  asked.push(names);
  const rows = await db.query<{ name: string; id: string }>({
    text: `
      insert into marks select name, pg_current_xact_id()::text from unnest($1::text[]) as asked(name)
      returning name, transaction_id as id`,
    values: [names],
  });
  return names.map((name) => rows.find((row) => row.name === name)?.id ?? '');
};
const count: SetStatement<string, number> = async (db, names) => {
  asked.push(names);
  const rows = await db.query<{ name: string }>({
    text: 'select name from marks where name = any($1)',
    values: [names],
  });
  return names.map((name) => rows.filter((row) => row.name === name).length);
};
async function marks(): Promise<string[]> {
  const rows = await scratch.database.query<{ name: string }>({ text: 'select name from marks order by name' });
  return rows.map(({ name }) => name);
}
const settle = (works: readonly Promise<unknown>[]) => Promise.allSettled(works);

test('works that come together share a transaction, and each statement is sent once for all of them', async () => {
  asked = [];
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  const ids = await Promise.all(
    names.map((name) =>
      cohort.transaction(name, async (tx) => {
        const id = await tx.each(mark, name);
        return [id, await tx.each(count, name)];
      }),
    ),
  );
  expect(new Set(ids.map(([id]) => id)).size).toBe(1);
  expect(ids.every(([, had]) => had === 1)).toBe(true);
  expect(asked).toEqual([names, names]);
  expect(batches).toEqual([20]);
});

test('works that take different ways, or end early, do not hold each other up', async () => {
  asked = [];
  const ways: ((tx: Transaction) => Promise<unknown>)[] = [
    async () => 'nothing',
    async (tx) => tx.each(count, 'x'),
    async (tx) => [await tx.each(mark, 'a'), await tx.each(count, 'a'), await tx.each(mark, 'b')].length,
    async (tx) => [await tx.each(count, 'y'), await tx.query({ text: 'select 1' }), await tx.each(mark, 'c')].length,
  ];
  const ended = await Promise.all(ways.map((way, index) => cohort.transaction(`way ${index}`, way)));
  expect(ended).toEqual(['nothing', 0, 3, 3]);
  expect(await marks()).toEqual(['a', 'b', 'c']);
  expect(asked.map((names) => [...names])).toContainEqual(['x', 'y']);
});

test('a work that fails is rolled back alone, whether by its own fault or by the word of the database', async () => {
  const works = ['one', 'two', 'much too long', 'four', 'five'].map((name) =>
    cohort.transaction(name, async (tx) => {
      await tx.each(mark, name);
      if (name === 'four') throw new RangeError('refused by itself');
      return name;
    }),
  );
  const ended = await settle(works);
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled']);
  expect(String((ended[2] as PromiseRejectedResult).reason)).toContain('violates check constraint');
  expect(String((ended[3] as PromiseRejectedResult).reason)).toContain('refused by itself');
  expect(await marks()).toEqual(['five', 'one', 'two']);
});

test('works of one key never share a transaction, and the later one sees what the earlier one wrote', async () => {
  asked = [];
  const seen = await Promise.all(
    [1, 2, 3].map(() =>
      cohort.transaction('same', async (tx) => {
        const had = await tx.each(count, 'same');
        if (had === 0) await tx.each(mark, 'same');
        return had;
      }),
    ),
  );
  expect(seen).toEqual([0, 1, 1]);
  expect(batches).toEqual([1, 1, 1]);
  expect(asked.map((names) => names.length)).toEqual([1, 1, 1, 1]);
});

test('when the connection is lost every work fails with it, and none is half done', async () => {
  const works = ['a', 'b', 'c'].map((name) =>
    cohort.transaction(name, async (tx) => {
      await tx.each(mark, name);
      if (name === 'b') await tx.query({ text: 'select pg_terminate_backend(pg_backend_pid())' });
    }),
  );
  expect((await settle(works)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(await marks()).toEqual([]);
  await cohort.transaction('again', (tx) => tx.each(mark, 'again'));
  expect(await marks()).toEqual(['again']);
});
