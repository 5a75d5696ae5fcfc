import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../tests/harness/database.ts';
import { createOutbound } from './outbound.ts';
import { parties } from './parties.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('a call out of the process from inside a database transaction is a bug', async () => {
  const origin = 'http://127.0.0.1:9';
  const origins = { 'payment-provider': [{ origin, reach: 'loopback' as const }] };
  const outbound = createOutbound({ parties, origins });
  const call = () => outbound.call({ party: 'payment-provider', method: 'GET', url: `${origin}/` });
  await expect(database.database.transaction(call)).rejects.toThrow('inside a database transaction');
  await database.database.transaction(async (tx) => {
    await tx.query({ text: 'select 1' });
  });
  expect((await call()).kind).not.toBe('reply');
  await outbound.stop();
});
