import { afterAll, beforeAll, expect, test } from 'vitest';
import { machineClock } from '../../src/shared/clock.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { authenticateByKey } from '../../src/storefront-api/callers.run.ts';
import { findCaller } from '../../src/storefront-api/callers.sql.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { onetill } from './captured.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db?.drop());

const cli = (...argv: string[]) => onetill(db.url, argv);
const whoCalls = async (apiKey: string) => {
  const authenticate = authenticateByKey({ findCaller: (hash) => findCaller(db.database, hash), clock: machineClock });
  const caller = await authenticate({ 'x-api-key': apiKey });
  return isRefused(caller) ? caller.code : `${caller.merchantId}/${caller.callerId}`;
};

test('an empty database gets a merchant and a caller whose key opens the API until it is revoked', async () => {
  expect((await cli('callers', 'list')).exitCode).toBe(3);
  const merchant = ['merchants', 'add', 'teashop', '--name', 'Tea', '--currency', 'GBP', '--country', 'GB'];
  expect((await cli(...merchant)).exitCode).toBe(0);
  expect((await cli(...merchant)).exitCode).toBe(4);
  const added = await cli('callers', 'add', 'front', '--name', 'Front', '--by', 'ada', '--json');
  const { api_key: apiKey } = JSON.parse(added.out) as { api_key: string };
  expect(await whoCalls(apiKey)).toBe('teashop/front');
  expect((await cli('callers', 'list')).out).not.toContain(apiKey);
  expect((await cli('callers', 'revoke', 'front', '--by', 'ada')).exitCode).toBe(0);
  expect(await whoCalls(apiKey)).toBe('api_key_unknown');
  expect((await cli('callers', 'revoke', 'front')).exitCode).toBe(3);
  const audit = await db.database.query<{ action: string; actor: string }>({
    text: `select action, actor from audit_entries where action like 'caller%' order by at`,
  });
  expect(audit).toEqual([
    { action: 'caller added', actor: 'ada' },
    { action: 'caller revoked', actor: 'ada' },
  ]);
  const rows = await db.database.query<{ all: string }>({ text: 'select to_jsonb(c)::text as all from callers c' });
  expect(rows[0]?.all).not.toContain(apiKey);
});

test.each([
  ['an id with a capital', ['Tea', '--currency', 'GBP', '--country', 'GB']],
  ['a currency that is none', ['tea', '--currency', 'XYZ', '--country', 'GB']],
  ['a country that is none', ['tea', '--currency', 'GBP', '--country', 'Britain']],
])('a merchant with %s is refused as wrong usage', async (_what, argv) => {
  expect((await cli('merchants', 'add', ...argv, '--name', 'Tea')).exitCode).toBe(2);
});
