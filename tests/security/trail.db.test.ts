import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { sqlState } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

let scratch: TestDatabase;
beforeAll(async () => {
  scratch = await createTestDatabase();
});
afterAll(() => scratch?.drop());

const restrictViolation = '23001';

async function refusalOf(text: string): Promise<string | null> {
  return await scratch.database.execute({ text }).then(
    () => null,
    (error: unknown) => sqlState(error),
  );
}

test('the audit trail can be added to, and neither changed, deleted nor emptied', async () => {
  const entry = [newUuid(), 'demo', 'ada', 'looked'];
  const text = 'insert into audit_entries (entry_id, merchant_id, actor, action) values ($1, $2, $3, $4)';
  expect(await scratch.database.execute({ text, values: entry })).toBe(1);
  for (const attempt of [
    `update audit_entries set actor = 'somebody else'`,
    'update audit_entries set at = now()',
    'delete from audit_entries',
    'truncate audit_entries',
  ]) {
    expect([attempt, await refusalOf(attempt)]).toEqual([attempt, restrictViolation]);
  }
  const rows = await scratch.database.query({ text: 'select actor from audit_entries limit 10' });
  expect(rows).toEqual([{ actor: 'ada' }]);
});
