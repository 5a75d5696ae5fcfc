import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bookLines } from './book-lines.ts';
import { type Entry, newBooks } from './books.ts';
import { evolve } from './evolve.ts';
import { appendTo, openJournal } from './journal.run.ts';

const webhook = (id: string) => ({ id, copies: 1 as const, delay_ms: 0, early: false, behind_next: false });
const authorised = (key: string): Entry => ({
  type: 'authorised',
  id: `auth_${key}`,
  key,
  fingerprint: 'f',
  reference: 'pay',
  token: 'tok_ok',
  currency: 'GBP',
  amount_minor: 5,
  decline_code: null,
  at_ms: 1,
  webhook: webhook(`evt_${key}`),
});

test('a journal full of spent lines is rewritten at the start and tells the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const books = newBooks();
  const entries: Entry[] = [
    { type: 'arrived', key: 'a', times: 1 },
    authorised('a'),
    { type: 'arrived', key: 'a', times: 1 },
    { type: 'arrived', key: 'a', times: 1 },
    { type: 'delivered', event: 'evt_a' },
    { type: 'arrived', key: 'b', times: 1 },
    authorised('b'),
    { type: 'refused', key: 'c', fingerprint: 'f', status: 422, code: 'no', message: 'No.' },
  ];
  const first = await openJournal(folder, () => expect.fail('an empty folder has no entries'));
  for (const entry of entries) {
    evolve(books, entry);
    await first.append([entry]);
  }
  await first.close();

  const restarted = newBooks();
  const second = await openJournal(folder, (entry) => evolve(restarted, entry), 2);
  await second.append([{ type: 'arrived', key: 'a', times: 1 }]);
  await second.close();
  const lines = (await readFile(join(folder, 'journal.ndjson'), 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(6);

  const rewritten = newBooks();
  const third = await openJournal(folder, (entry) => evolve(rewritten, entry), 2);
  await third.close();
  evolve(books, { type: 'arrived', key: 'a', times: 1 });
  const but = (line: string) => line.replace(/"webhooks":.*/, '');
  expect([...bookLines(rewritten)].map(but)).toEqual([...bookLines(books)].map(but));
  expect([...rewritten.deliveries.keys()]).toEqual(['evt_b']);
  expect([...rewritten.answers]).toEqual([...books.answers]);
  await rm(folder, { recursive: true });
});

test('appends that come together share a write, and each is told once it is on disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const journal = await openJournal(folder, () => {});
  const keys = Array.from({ length: 2_000 }, (_, index) => `k${index}`);
  await Promise.all(keys.map((key) => journal.append([{ type: 'arrived', key, times: 1 }])));
  const onDisk = (await readFile(join(folder, 'journal.ndjson'), 'utf8')).trim().split('\n');
  expect(onDisk.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(keys);
  await journal.close();
  await expect(journal.append([{ type: 'arrived', key: 'late', times: 1 }])).rejects.toThrow();
  await rm(folder, { recursive: true });
});

test('after a write that failed nothing is told as settled any more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const journal = await openJournal(folder, () => {});
  await journal.append([authorised('a')]);
  await expect(journal.settled()).resolves.toBeUndefined();
  // The nearest that a test comes to a disk that fails.
  await journal.close();
  await expect(journal.append([authorised('b')])).rejects.toThrow();
  await expect(journal.settled()).rejects.toThrow();
  await rm(folder, { recursive: true });
});

test('entries that come while the disk is full wait for room, and are written whole and once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const file = await open(join(folder, 'journal.ndjson'), 'a');
  let failures = 2;
  const journal = appendTo(
    {
      async appendFile(text) {
        if (failures === 0) return await file.appendFile(text);
        failures -= 1;
        await file.appendFile(String(text).slice(0, 10));
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      },
      datasync: () => file.datasync(),
      truncate: (bytes) => file.truncate(bytes),
      close: () => file.close(),
    },
    0,
  );
  const keys = ['a', 'b'];
  await Promise.all(keys.map((key) => journal.append([{ type: 'arrived', key, times: 1 }])));
  await journal.append([{ type: 'arrived', key: 'c', times: 1 }]);
  await journal.close();
  const lines = (await readFile(join(folder, 'journal.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(['a', 'b', 'c']);
  await rm(folder, { recursive: true });
});
