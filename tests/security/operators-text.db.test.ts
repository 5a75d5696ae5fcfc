import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { retailColumns } from '../../src/catalog/online-retail.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';
import { onetill } from '../operations/captured.ts';

/** What people type and files hold is looked at as closely as what callers send. */

let scratch: TestDatabase;
let folder: string;
beforeAll(async () => {
  scratch = await createTestDatabase();
  await seedShop(scratch.database, { '85123A': 10 });
  folder = await mkdtemp(join(tmpdir(), 'onetill-operators-'));
});
afterAll(async () => {
  await scratch.drop();
  await rm(folder, { recursive: true, force: true });
});

const card = '4000 0566 5566 5556';
const digits = card.replaceAll(' ', '');
const traces = /4000.?0566|5566.?5556/;

async function tablesWith(pattern: RegExp): Promise<string[]> {
  const tables = await scratch.database.query<{ name: string }>({
    text: `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' limit 100`,
  });
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await scratch.database.query<{ text: string }>({
        text: `select to_jsonb(t)::text as text from ${name} t limit 10000`,
      });
      return rows.some(({ text }) => pattern.test(text)) ? [name] : [];
    }),
  );
  return found.flat();
}

test('a card number in any text that an operator gives is refused, not repeated and not kept', async () => {
  const [order, letter, item] = [`ord_${newUuid()}`, `msg_${newUuid()}`, `inb_${newUuid()}`];
  const commands: string[][] = [
    ['merchants', 'add', digits, '--name', 'n', '--currency', 'GBP', '--country', 'GB'],
    ['merchants', 'add', 'm', '--name', card, '--currency', 'GBP', '--country', 'GB'],
    ['merchants', 'add', 'm', '--name', 'n', '--currency', 'GBP', '--country', 'GB', '--by', card],
    ['callers', 'add', digits, '--name', 'n'],
    ['callers', 'add', 'c', '--name', `shop of ${card}`],
    ['callers', 'add', 'c', '--name', 'n', '--by', card],
    ['callers', 'revoke', 'other', '--by', card],
    ['stock', 'set', '85123A', '5', '--reason', `paid with ${card}`],
    ['stock', 'set', '85123A', '5', '--reason', 'counted', '--by', card],
    ['import', 'products', join(folder, `${digits}.csv`)],
    ['import', 'products', join(folder, 'lines.csv'), '--by', card],
    ['orders', 'accept', order, '--by', card],
    ['orders', 'refuse', order, '--by', digits],
    ['dead-letters', 'replay', letter, '--by', card],
    ['dead-letters', 'discard', letter, '--why', `see card ${digits}`],
    ['inbox', 'close', item, '--resolution', `charged ${card} by hand`],
  ];
  for (const command of commands) {
    for (const form of [[], ['--json']]) {
      const said = await onetill(scratch.url, [...command, ...form]);
      expect([command, said.exitCode]).toEqual([command, 2]);
      expect(said.out + said.err).toContain('looks like a card number');
      expect(said.out + said.err).not.toMatch(traces);
    }
  }
  expect(await tablesWith(traces)).toEqual([]);
});

test('a product whose name or SKU looks like a card number is left out of the catalogue', async () => {
  const file = join(folder, 'poisoned.csv');
  const row = (sku: string, title: string) => `573415,${sku},${title},3,40846.5,2.08,13607,United Kingdom`;
  const rows = [row('21166', 'METAL SIGN'), row('21167', `SIGN ${card}`), row(digits, 'SIGN OF THE TIMES')];
  await writeFile(file, [retailColumns.join(','), ...rows].join('\n'));
  const said = await onetill(scratch.url, ['import', 'products', file, '--json']);
  expect(said.exitCode).toBe(0);
  const { leftOut } = JSON.parse(said.out);
  const examples = [
    { line: 3, field: 'Description' },
    { line: 4, field: 'StockCode' },
  ];
  expect(leftOut).toEqual([{ reason: 'card_number', rows: 2, examples }]);
  expect(said.out).not.toMatch(traces);
  expect(await tablesWith(traces)).toEqual([]);
  expect(await tablesWith(/METAL SIGN/)).toEqual(['products']);
});
