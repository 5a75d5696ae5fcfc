import { afterEach, expect, test } from 'vitest';
import { isConnectionError } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

let scratch: TestDatabase | undefined;
afterEach(() => scratch?.drop());

test('a transaction whose process is paused gives its locks back before those who wait for them give up', async () => {
  scratch = await createTestDatabase();
  const { database } = scratch;
  await database.execute({ text: 'create table shelves (sku text primary key, free integer not null)' });
  await database.execute({ text: `insert into shelves values ('TEAPOT', 5)` });
  const take = { text: 'update shelves set free = free - 1 where sku = $1', values: ['TEAPOT'] };
  let paused = (): void => {};
  const holds = new Promise<void>((resolve) => {
    paused = resolve;
  });
  const pauseMs = 7_000;
  const first = database.transaction(async (tx) => {
    await tx.execute(take);
    paused();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    await tx.execute(take);
  });
  const ended = first.catch((error: unknown) => error);
  await holds;
  expect(await database.execute(take)).toBe(1);
  const error = await ended;
  expect(error).toBeInstanceOf(Error);
  // To whoever was paused it is a connection that went away: worth another try.
  expect(isConnectionError(error)).toBe(true);
  expect(await database.query({ text: 'select free from shelves limit 1' })).toEqual([{ free: 4 }]);
});
