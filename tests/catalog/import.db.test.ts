import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ImportSummary, importProducts, renderSummary } from '../../src/catalog/import.cli.ts';
import { retailColumns } from '../../src/catalog/online-retail.ts';
import { readOffers } from '../../src/catalog/products.sql.ts';
import { setOnHand, showStock } from '../../src/inventory/stock.sql.ts';
import { isRefused, type Refused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

const sample = new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url).pathname;
const header = retailColumns.join(',');
const row = '573415,21166,COOK WITH WINE METAL SIGN,3,40846.67847222222,2.08,13607,United Kingdom';

let scratch: TestDatabase;
let folder: string;
beforeAll(async () => {
  scratch = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'onetill-import-'));
});
afterAll(async () => {
  await scratch.drop();
  await rm(folder, { recursive: true, force: true });
});
let merchantId = '';
beforeEach(async () => {
  merchantId = `m-${newUuid()}`;
  await createMerchant(merchantId, 'GBP');
});

describe('importing the sample', () => {
  test('the sample becomes some 3,100 products with stock, and a second import changes nothing', async () => {
    const first = taken(await importFile(sample));
    expect(first.rowsRead).toBe(40_000);
    expect(first.rowsTaken + first.leftOut.reduce((rows, left) => rows + left.rows, 0)).toBe(40_000);
    expect(first.products).toEqual({ created: 3_118, updated: 0, unchanged: 0 });
    expect(first.stock.skus).toBe(3_118);
    expect(first.leftOut.find((left) => left.reason === 'cancellation')?.rows).toBe(674);
    expect(await sums()).toEqual({ received: first.stock.units, adjusted: first.stock.units });
    const second = taken(await importFile(sample));
    expect(second.products).toEqual({ created: 0, updated: 0, unchanged: 3_118 });
    expect(second.stock).toEqual({ skus: 0, units: 0n });
    expect(await sums()).toEqual({ received: first.stock.units, adjusted: first.stock.units });
    expect(renderSummary(second)).toContain('0 created, 0 updated, 3,118 unchanged');
  });
});

describe('importing a file of few rows', () => {
  test('a second import brings price and title up to date and leaves stock alone', async () => {
    await importText([header, row]);
    await scratch.database.transaction((tx) =>
      setOnHand(tx, {
        merchantId,
        sku: '21166',
        onHandUnits: 7n,
        actor: 'a person',
        reason: 'counted',
        newId: newUuid,
      }),
    );
    const summary = taken(await importText([header, row.replace('2.08', '2.55').replace('WINE', 'BEER')]));
    expect(summary.products).toEqual({ created: 0, updated: 1, unchanged: 0 });
    const [offer] = await readOffers(scratch.database, merchantId, ['21166']);
    expect(offer).toMatchObject({ priceMinor: 255n, title: 'COOK WITH BEER METAL SIGN', freeUnits: 7n });
    expect(await showStock(scratch.database, merchantId, '21166')).toMatchObject({ receivedUnits: 7n });
  });

  test('malformed rows are named by line, field and reason and cost no other row', async () => {
    const long = row.replace('COOK', 'x'.repeat(5_000));
    const lines = [header, row, 'a,b', row.replace(',3,', ',three,'), long, '', row.replace('COOK', '"COOK'), row];
    const summary = taken(await importText(lines));
    expect(summary).toMatchObject({ rowsRead: 6, rowsTaken: 2 });
    expect(summary.leftOut).toEqual([
      {
        reason: 'wrong_columns',
        rows: 2,
        examples: [
          { line: 3, field: null },
          { line: 7, field: null },
        ],
      },
      { reason: 'not_a_number', rows: 1, examples: [{ line: 4, field: 'Quantity' }] },
      { reason: 'too_long', rows: 1, examples: [{ line: 5, field: null }] },
    ]);
    expect(renderSummary(summary)).toContain('line 4 (Quantity)');
  });

  test('a byte order mark, Windows line ends and a gzip without its name are read', async () => {
    const text = `\uFEFF${header}\r\n${row}\r\n`;
    expect(taken(await importBytes(gzipSync(text))).rowsTaken).toBe(1);
    expect(taken(await importBytes(Buffer.from(text))).rowsTaken).toBe(1);
  });

  test('two imports at once end with the same catalogue', async () => {
    const [left, right] = await Promise.all([importText([header, row]), importText([header, row])]);
    const created = taken(left).products.created + taken(right).products.created;
    const received = taken(left).stock.skus + taken(right).stock.skus;
    expect({ created, received }).toEqual({ created: 1, received: 1 });
  });
});

describe('a file that cannot be imported', () => {
  test.each([
    ['an empty file', Buffer.alloc(0), 'it is empty'],
    ['another header', Buffer.from('name,price\nTin,2\n'), 'its first line must be InvoiceNo'],
    ['no CSV at all', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]), 'its first line must be InvoiceNo'],
    ['a header without a sale', Buffer.from(`${header}\nx\n`), 'no row of it is a sale'],
    ['gzip that ends too early', gzipSync(`${header}\n${row}\n`).subarray(0, 60), 'ends too early'],
    ['gzip that is damaged', damaged(gzipSync(`${header}\n${row}\n`.repeat(9))), 'damaged'],
  ])('%s is refused in one sentence and nothing is written', async (_name, bytes, says) => {
    const refusal = await importBytes(bytes);
    expect(refusal).toMatchObject({ refused: true, code: 'input_invalid' });
    expect((refusal as Refused).message).toContain(says);
    expect(await sums()).toEqual({ received: null, adjusted: null });
  });

  test('a missing file, a folder, an unknown merchant and another currency are refused', async () => {
    expect(await importFile(join(folder, 'nowhere.csv'))).toMatchObject({ code: 'input_invalid' });
    expect(await importFile(folder)).toMatchObject({ code: 'input_invalid' });
    await createMerchant(`${merchantId}-eu`, 'EUR');
    expect(await importFile(sample, `${merchantId}-eu`)).toMatchObject({ code: 'currency_unsupported' });
    expect(await importFile(sample, 'nobody')).toMatchObject({ code: 'not_found' });
  });

  test('a fault while writing leaves nothing behind', async () => {
    const progress = () => {
      throw new Error('the disk is full');
    };
    const failing = { database: scratch.database, file: sample, merchantId };
    await expect(
      importProducts({ ...failing, progress: (step) => (step.phase === 'writing' ? progress() : undefined) }),
    ).rejects.toThrow('the disk is full');
    expect(await sums()).toEqual({ received: null, adjusted: null });
    expect(await readOffers(scratch.database, merchantId, ['21166'])).toEqual([]);
  });
});

function damaged(bytes: Buffer): Buffer {
  bytes.fill(0xff, 20, 40);
  return bytes;
}

async function createMerchant(id: string, currency: string): Promise<void> {
  await scratch.database.execute({
    text: `insert into merchants (merchant_id, name, currency, country) values ($1, 'Test', $2, 'GB')`,
    values: [id, currency],
  });
}

function importFile(file: string, merchant = merchantId): Promise<Refused | ImportSummary> {
  return importProducts({ database: scratch.database, file, merchantId: merchant });
}

async function importBytes(bytes: Buffer): Promise<Refused | ImportSummary> {
  const file = join(folder, `${newUuid()}.csv`);
  await writeFile(file, bytes);
  return importFile(file);
}

function importText(lines: readonly string[]): Promise<Refused | ImportSummary> {
  return importBytes(Buffer.from(`${lines.join('\n')}\n`));
}

function taken(summary: Refused | ImportSummary): ImportSummary {
  if (isRefused(summary)) throw new Error(summary.message);
  return summary;
}

async function sums(): Promise<{ received: bigint | null; adjusted: bigint | null } | undefined> {
  const rows = await scratch.database.query<{ received: bigint | null; adjusted: bigint | null }>({
    text: `
      select (select sum(received_units)::bigint from stock where merchant_id = $1) as received,
        (select sum(units)::bigint from stock_adjustments where merchant_id = $1) as adjusted`,
    values: [merchantId],
  });
  return rows[0];
}
