import { afterEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';

const made: TestDatabase[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one.drop();
});

test('every test database has the whole schema and shares nothing with its neighbours', async () => {
  const [left, right] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  made.push(left, right);
  await left.database.execute({ text: 'create table of_the_left (id int)' });
  const migrated = await right.database.query({ text: 'select name from schema_migrations limit 1' });
  const seen = await right.database.query({ text: "select 1 from pg_tables where tablename = 'of_the_left'" });
  expect(migrated.length).toBe(1);
  expect(seen).toEqual([]);
});
