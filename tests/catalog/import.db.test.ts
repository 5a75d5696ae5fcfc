import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { importProducts, renderSummary } from '../../src/catalog/import.cli.ts';
import { retailColumns } from '../../src/catalog/online-retail.ts';
import { readOffers } from '../../src/catalog/products.sql.ts';
import { setOnHand, showStock } from '../../src/inventory/stock.sql.ts';
import type { Refused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type Imports, openImports, taken } from './importing.ts';

const sample = new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url).pathname;
const header = retailColumns.join(',');
const row = '573415,21166,COOK WITH WINE METAL SIGN,3,40846.67847222222,2.08,13607,United Kingdom';

let imports: Imports;
beforeAll(async () => {
  imports = await openImports();
});
afterAll(async () => {
  await imports.stop();
});
let merchantId = '';
beforeEach(async () => {
  merchantId = await imports.addMerchant('GBP');
});
const importFile = (file: string, merchant = merchantId) => imports.importFile(file, merchant);
const importBytes = (bytes: Buffer, merchant = merchantId) => imports.importBytes(bytes, merchant);
const importText = (lines: readonly string[], merchant = merchantId) => imports.importText(lines, merchant);

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
    await imports.database.transaction((tx) =>
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
    const [offer] = await readOffers(imports.database, merchantId, ['21166']);
    expect(offer).toMatchObject({ priceMinor: 255n, title: 'COOK WITH BEER METAL SIGN', freeUnits: 7n });
    expect(await showStock(imports.database, merchantId, '21166')).toMatchObject({ receivedUnits: 7n });
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
    [
      'another header',
      Buffer.from('name,price\nTin,2\n'),
      'its first line must name the columns sku,title,price,stock',
    ],
    ['another header in gzip', gzipSync(`name,price\n${randomBytes(100_000).toString('hex')}`), 'its first line must'],
    [
      'no CSV at all',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]),
      'its first line must name the columns sku,title,price,stock',
    ],
    ['a header without a row', Buffer.from(`${header}\n`), 'it has no rows'],
    ['a header without a sale', Buffer.from(`${header}\nx\n`), 'none of its rows can be taken'],
    ['gzip that ends too early', gzipSync(`${header}\n${row}\n`).subarray(0, 60), 'ends too early'],
    ['gzip that is damaged', damaged(gzipSync(`${header}\n${row}\n`.repeat(9))), 'damaged'],
  ])('%s is refused in one sentence and nothing is written', async (_name, bytes, says) => {
    const refusal = await importBytes(bytes);
    expect(refusal).toMatchObject({ refused: true, code: 'input_invalid' });
    expect((refusal as Refused).message).toContain(says);
    expect(await sums()).toEqual({ received: null, adjusted: null });
  });

  test('a missing file, a folder, an unknown merchant and another currency are refused', async () => {
    expect(await importFile(join(imports.folder, 'nowhere.csv'))).toMatchObject({ code: 'input_invalid' });
    expect(await importFile(imports.folder)).toMatchObject({ code: 'input_invalid' });
    expect(await importFile(sample, await imports.addMerchant('EUR'))).toMatchObject({ code: 'currency_unsupported' });
    expect(await importFile(sample, 'nobody')).toMatchObject({ code: 'not_found' });
  });

  test('where nothing can be taken, the refusal names every reason with its rows', async () => {
    const refusal = (await importText([header, 'a,b', row.replace(',3,', ',three,'), `C${row}`])) as Refused;
    expect(refusal.message).toMatch(
      /none of its rows can be taken\.\n +1 {2}wrong_columns .*line 2\n +1 {2}not_a_number .*line 3 \(Quantity\)\n/,
    );
    expect(refusal.message).toContain('cancellations are no sales; line 4');
    expect(refusal.details).toMatchObject({ rowsRead: 3, leftOut: [{ rows: 1 }, { rows: 1 }, { rows: 1 }] });
  });

  test('a fault while writing leaves nothing behind', async () => {
    const progress = () => {
      throw new Error('the disk is full');
    };
    const failing = { database: imports.database, file: sample, merchantId };
    await expect(
      importProducts({ ...failing, progress: (step) => (step.phase === 'writing' ? progress() : undefined) }),
    ).rejects.toThrow('the disk is full');
    expect(await sums()).toEqual({ received: null, adjusted: null });
    expect(await readOffers(imports.database, merchantId, ['21166'])).toEqual([]);
  });
});

function damaged(bytes: Buffer): Buffer {
  bytes.fill(0xff, 20, 40);
  return bytes;
}

async function sums(): Promise<{ received: bigint | null; adjusted: bigint | null } | undefined> {
  const rows = await imports.database.query<{ received: bigint | null; adjusted: bigint | null }>({
    text: `
      select (select sum(received_units)::bigint from stock where merchant_id = $1) as received,
        (select sum(units)::bigint from stock_adjustments where merchant_id = $1) as adjusted`,
    values: [merchantId],
  });
  return rows[0];
}
