import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRefused } from '../../src/shared/failure.ts';
import { authenticateByKey } from '../../src/storefront-api/callers.run.ts';
import { findCaller } from '../../src/storefront-api/callers.sql.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';

let scratch: TestDatabase;
beforeAll(async () => {
  scratch = await createTestDatabase();
  await seedShop(scratch.database, {});
});
afterAll(() => scratch.drop());

test('a key is its caller with the facts of the merchant, and once revoked it is nobody in five seconds', async () => {
  let nowMs = 0;
  let looks = 0;
  const authenticate = authenticateByKey({
    findCaller: (hash) => {
      looks += 1;
      return findCaller(scratch.database, hash);
    },
    clock: { nowMs: () => nowMs },
  });
  const headers = { 'x-api-key': 'key-other' };
  const caller = { merchantId: 'demo', callerId: 'other', currency: 'GBP', country: 'GB' };
  expect(await authenticate(headers)).toEqual(caller);
  await scratch.database.execute({ text: `update callers set revoked_at = now() where caller_id = 'other'` });
  nowMs = 4_999;
  expect(await authenticate(headers)).toEqual(caller);
  expect(looks).toBe(1);
  nowMs = 5_000;
  expect(await authenticate(headers)).toMatchObject({ code: 'api_key_unknown' });
});

test('keys that nobody could have are refused and not looked up', async () => {
  const authenticate = authenticateByKey({
    findCaller: () => Promise.reject(new Error('looked up')),
    clock: { nowMs: () => 0 },
  });
  for (const headers of [{}, { 'x-api-key': '' }, { authorization: 'Basic YTpi' }, { authorization: 'Bearer ' }]) {
    expect(await authenticate(headers)).toMatchObject({ code: 'api_key_missing' });
  }
  expect(isRefused(await authenticate({ 'x-api-key': 'k'.repeat(256) }))).toBe(true);
});
