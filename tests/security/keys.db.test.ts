import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { onetill } from '../operations/captured.ts';

let scratch: TestDatabase;
beforeAll(async () => {
  scratch = await createTestDatabase();
});
afterAll(() => scratch?.drop());

test('a database that was migrated has no merchant, no caller and no key that anybody could know', async () => {
  for (const text of ['select 1 from merchants limit 1', 'select 1 from callers limit 1']) {
    expect(await scratch.database.query({ text })).toEqual([]);
  }
});

test('a key is made of 192 random bits, kept as its SHA-256 alone, and of no caller twice', async () => {
  const cli = (...argv: string[]) => onetill(scratch.url, argv);
  await cli('merchants', 'add', 'tea', '--name', 'Tea', '--currency', 'GBP', '--country', 'GB');
  const keys: string[] = [];
  for (let count = 0; count < 20; count += 1) {
    const said = await cli('callers', 'add', `caller-${count}`, '--name', 'One', '--json');
    keys.push(JSON.parse(said.out).api_key);
  }
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^otk_[A-Za-z0-9_-]{32}$/);
  // A generator that repeats itself would show in what the keys share at a place.
  const shared = [...(keys[0] ?? '')].filter((letter, at) => at > 3 && keys.every((key) => key[at] === letter));
  expect(shared).toEqual([]);
  const kept = await scratch.database.query<{ hash: Buffer }>({
    text: 'select api_key_sha256 as hash from callers order by caller_id limit 100',
  });
  const hashes = keys.map((key) => createHash('sha256').update(key).digest('hex'));
  expect(kept.map(({ hash }) => hash.toString('hex')).sort()).toEqual(hashes.sort());
});
