import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { renderSummary } from '../../src/catalog/import.cli.ts';
import { explanations } from '../../src/catalog/import-summary.ts';
import { retailColumns } from '../../src/catalog/online-retail.ts';
import { listColumns } from '../../src/catalog/product-list.ts';
import { readOffers } from '../../src/catalog/products.sql.ts';
import type { Refused } from '../../src/shared/failure.ts';
import { onetill } from '../operations/captured.ts';
import { type Imports, openImports, taken } from './importing.ts';

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
const importBytes = (bytes: Buffer, merchant = merchantId) => imports.importBytes(bytes, merchant);
const importText = (lines: readonly string[], merchant = merchantId) => imports.importText(lines, merchant);

const listHeader = 'sku,title,price,stock';

describe('importing a list of products', () => {
  test('products get the price, the title and the stock that their merchant wrote', async () => {
    const lines = ['TEA-1,"Tea, green",12.50,40', 'tea/2 b,Tea black,3,', 'CUP,Cup,0.99,0', '4006381333931,Pen,1.05,7'];
    const summary = taken(await importText([listHeader, ...lines]));
    expect(summary).toMatchObject({ rowsAre: 'products', rowsRead: 4, rowsTaken: 4, leftOut: [] });
    expect(summary.products).toEqual({ created: 4, updated: 0, unchanged: 0 });
    expect(summary.stock).toEqual({ skus: 2, units: 47n });
    const offers = await readOffers(imports.database, merchantId, ['TEA-1', 'tea/2 b', 'CUP', '4006381333931']);
    expect(offers.map(({ sku, title, priceMinor, freeUnits }) => [sku, title, priceMinor, freeUnits]).sort()).toEqual([
      ['4006381333931', 'Pen', 105n, 7n],
      ['CUP', 'Cup', 99n, 0n],
      ['TEA-1', 'Tea, green', 1250n, 40n],
      ['tea/2 b', 'Tea black', 300n, 0n],
    ]);
    expect(renderSummary(summary)).toContain('took 4 as products');
  });

  test('a second list changes prices and titles of its own merchant, and stock only where there was none', async () => {
    const other = await imports.addMerchant('GBP');
    await importText([listHeader, 'TEA,Tea,12.50,40', 'CUP,Cup,2,']);
    await importBytes(Buffer.from(`${listHeader}\nTEA,Their tea,1,1\n`), other);
    const summary = taken(await importText([listHeader, 'TEA,Tea,13,99', 'CUP,Cup,2,5']));
    expect(summary.products).toEqual({ created: 0, updated: 1, unchanged: 1 });
    expect(summary.stock).toEqual({ skus: 1, units: 5n });
    expect(await readOffers(imports.database, merchantId, ['TEA'])).toMatchObject([
      { priceMinor: 1300n, freeUnits: 40n },
    ]);
    expect(await readOffers(imports.database, other, ['TEA'])).toMatchObject([
      { priceMinor: 100n, title: 'Their tea' },
    ]);
  });

  test("prices are in the merchant's currency, with as many decimals as it has", async () => {
    const yen = await imports.addMerchant('JPY');
    const text = `${listHeader}\nTEA,Tea,1250,\nCUP,Cup,12.50,\nPOT,Pot,300.00,\n`;
    const summary = taken(await importBytes(Buffer.from(text), yen));
    expect(summary.leftOut).toEqual([{ reason: 'too_precise', rows: 1, examples: [{ line: 3, field: 'price' }] }]);
    const offers = await readOffers(imports.database, yen, ['TEA', 'POT']);
    expect(offers.map(({ sku, priceMinor, currency }) => [sku, priceMinor, currency]).sort()).toEqual([
      ['POT', 300n, 'JPY'],
      ['TEA', 1250n, 'JPY'],
    ]);
  });

  test('columns may come in any order and case, and a first line with others is told what was found', async () => {
    const summary = taken(await importText(['Price, Stock ,"SKU",Title', '2.50,3,CUP,Cup']));
    expect(summary.products.created).toBe(1);
    for (const found of [
      'sku,title,price',
      'sku,title,price,stock,colour',
      'sku,sku,price,stock',
      'sku;title;price;stock',
    ]) {
      const { message } = (await importText([found, 'a,b,c,d'])) as Refused;
      expect(message).toContain('sku,title,price,stock (products) or InvoiceNo,StockCode,');
      expect(message).toContain(`it begins with "${found}"`);
      expect(message.includes('parted by commas')).toBe(found.includes(';'));
    }
  });

  test('what cannot be taken is left out with its reason, and what can be is imported', async () => {
    const summary = taken(
      await importText([
        listHeader,
        'A,Tea,1,1',
        'A,Other tea,2,1',
        'B,Tea,free,1',
        'C,Tea,0.00,1',
        'D,Tea,-1,1',
        'E,Tea,1.005,1',
        'F,Tea,1.500,1',
        'G,Tea,1,some',
        'H,Tea,1,-1',
        '-,Tea,1,1',
        'I,?,1,1',
        `${'J'.repeat(65)},Tea,1,1`,
        'K,Tea,1',
        'L,CAF\uFFFD,1,1',
        'M,Tea,"1,50",1',
      ]),
    );
    const reasons = Object.fromEntries(
      summary.leftOut.map((left) => [left.reason, left.examples.map(({ line }) => line)]),
    );
    expect(reasons).toEqual({
      repeated: [3],
      not_a_number: [4, 9, 10],
      no_price: [5, 6],
      too_precise: [7],
      wrong_form: [11],
      no_name: [12],
      too_long: [13],
      wrong_columns: [14],
      not_text: [15],
    });
    expect(summary.leftOut.find((left) => left.reason === 'not_a_number')?.rows).toBe(4);
    expect(summary.products.created).toBe(2);
  });

  test('two lists at once end with the prices of one of them', async () => {
    const lines = (price: string) => [
      listHeader,
      ...Array.from({ length: 700 }, (_, n) => `S${n},Tea ${n},${price},1`),
    ];
    await Promise.all([importText(lines('1')), importText(lines('2').toReversed().toSorted(bySkuLast))]);
    const prices = await imports.database.query<{ price: bigint; products: bigint }>({
      text: `select price_minor as price, count(*) as products from products where merchant_id = $1 group by 1`,
      values: [merchantId],
    });
    expect(prices).toHaveLength(1);
    expect(Number(prices[0]?.products)).toBe(700);
  });
});

/** The header stays first; the rest is turned around. */
function bySkuLast(left: string, right: string): number {
  if (left === listHeader || right === listHeader) return left === listHeader ? -1 : 1;
  return right.localeCompare(left);
}

describe('a card number in a file', () => {
  const card = '4242 4242 4242 4242';

  test.each([
    ['order lines', header, row.replace('COOK WITH WINE', card), row.replace('21166', '4242424242424242')],
    ['a list', listHeader, `A,"${card}",1,1`, '4242424242424242,Tea,1,1'],
  ])('leaves its row of %s out, says so and is not repeated', async (_what, first, ...bad) => {
    const good = first === header ? row : 'TEA,Tea,1,1';
    const summary = taken(await importText([first, good, ...bad]));
    expect(summary).toMatchObject({ rowsTaken: 1, leftOut: [{ reason: 'card_number', rows: 2 }] });
    const said = renderSummary(summary) + JSON.stringify(summary, (_key, value) => String(value));
    expect(said).not.toContain('4242');
    expect(renderSummary(summary)).toContain('looks like a card number');
  });

  test('is not repeated where it stands in the first line, and nothing is imported', async () => {
    const refusal = (await importText([`${card},Tea,1,1`, 'B,Tea,1,1'])) as Refused;
    expect(refusal.code).toBe('input_invalid');
    expect(refusal.message).toContain('looks like a card number');
    expect(refusal.message).not.toContain('4242');
  });
});

describe('the command that imports', () => {
  test('says what was left out and why, and is no success, where nothing could be imported', async () => {
    const file = join(imports.folder, 'list.csv');
    await writeFile(file, `${listHeader}\nA,Tea,free,1\n`);
    const argv = ['import', 'products', file, '--merchant', merchantId];
    const said = await onetill(imports.url, argv);
    expect(said).toMatchObject({ exitCode: 2, out: '' });
    expect(said.err).toContain('none of its rows can be taken');
    expect(said.err).toMatch(/not_a_number .*line 2 \(price\)\n$/);
    const asJson = JSON.parse((await onetill(imports.url, [...argv, '--json'])).err);
    expect(asJson.error.details.leftOut).toMatchObject([{ reason: 'not_a_number', rows: 1 }]);
  });

  test('names the columns of both kinds of file in its help, and the page that says more', async () => {
    const { out } = await onetill(null, ['import', 'products', '--help']);
    for (const text of [listHeader, header, 'docs/importing.md']) expect(out).toContain(text);
    const page = readFileSync('docs/importing.md', 'utf8');
    const named = [...page.matchAll(/^\| (`.+?`) \|/gm)].flatMap(([, names = '']) =>
      names.replace(/`/g, '').split(', '),
    );
    expect(named.sort()).toEqual([...listColumns, ...retailColumns, ...Object.keys(explanations)].sort());
  });
});
