import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeCursor, encodeCursor, type ProductFilter, productSorts } from '../../src/catalog/cursor.ts';
import { upsertProducts } from '../../src/catalog/import.sql.ts';
import { type ListedProduct, listProducts, readOffers } from '../../src/catalog/products.sql.ts';
import { receiveFirstStock } from '../../src/inventory/stock.sql.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { currencyOf } from '../../src/shared/money.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

const currency = currencyOf('GBP');
const all: ProductFilter = { words: null, minPriceMinor: null, maxPriceMinor: null, inStockOnly: false, sort: 'sku' };

let scratch: TestDatabase;
beforeAll(async () => {
  scratch = await createTestDatabase();
});
afterAll(() => scratch.drop());

describe('walking the pages', () => {
  test('every walk shows each product once and in order, for any page size, prices and order', async () => {
    const walk = fc.record({
      prices: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 30 }),
      limit: fc.integer({ min: 1, max: 12 }),
      sort: fc.constantFrom(...productSorts),
    });
    await fc.assert(
      fc.asyncProperty(walk, async ({ prices, limit, sort }) => {
        const merchantId = await shopWith(prices.map((price, index) => ({ sku: `s${index}`, price, title: 'TIN' })));
        const seen = await walkPages(merchantId, { ...all, sort }, limit);
        const expected = prices.map((price, index) => ({ sku: `s${index}`, price: BigInt(price) })).sort(byOrder[sort]);
        expect(seen.map(({ sku, priceMinor }) => ({ sku, price: priceMinor }))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('a product that stays is seen exactly once while others come, go and change price', async () => {
    const change = fc.record({
      sku: fc.integer({ min: 0, max: 60 }).map((number) => `s${number}`),
      price: fc.integer({ min: 1, max: 9 }),
      isOn: fc.boolean(),
    });
    const walk = fc.record({
      changes: fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 8 }),
      limit: fc.integer({ min: 2, max: 9 }),
      sort: fc.constantFrom(...productSorts),
    });
    await fc.assert(
      fc.asyncProperty(walk, async ({ changes, limit, sort }) => {
        const steady = Array.from({ length: 20 }, (_, index) => ({
          sku: `k${index}`,
          price: (index % 7) + 1,
          title: 'TIN',
        }));
        const merchantId = await shopWith(steady);
        const seen = await walkPages(merchantId, { ...all, sort }, limit, async (page) => {
          for (const { sku, price, isOn } of changes[page] ?? []) await putProduct(merchantId, sku, price, isOn);
        });
        const steadySeen = seen.map((product) => product.sku).filter((sku) => sku.startsWith('k'));
        expect(steadySeen.toSorted()).toEqual(steady.map((product) => product.sku).toSorted());
        const prices = seen.map((product) => Number(product.priceMinor) * (sort === '-price' ? -1 : 1));
        if (sort !== 'sku') expect(prices).toEqual(prices.toSorted((left, right) => left - right));
      }),
      { numRuns: 25 },
    );
  });
});

describe('searching', () => {
  test('words, beginnings of the last word, excluded words and phrases are found', async () => {
    const titles = ['RED PAPER LANTERN', 'PAPER CHAIN', 'WHITE HANGING HEART T-LIGHT HOLDER', 'RED HEART'];
    const merchantId = await shopWith(titles.map((title, index) => ({ sku: `s${index}`, price: 5, title })));
    const find = async (words: string) => (await walkPages(merchantId, { ...all, words }, 10)).map(({ sku }) => sku);
    expect(await find('lanterns')).toEqual(['s0']);
    expect(await find('paper lant')).toEqual(['s0']);
    expect(await find('heart t-lig')).toEqual(['s2']);
    expect(await find('paper -red')).toEqual(['s1']);
    expect(await find('"hanging heart"')).toEqual(['s2']);
    expect(await find('heart or chain')).toEqual(['s1', 's2', 's3']);
    expect(await find('zeppelin')).toEqual([]);
  });

  test('whatever is typed is a search and never an error', async () => {
    const merchantId = await shopWith([{ sku: 's', price: 5, title: 'TIN' }]);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 60 }), async (words) => {
        await listProducts(scratch.database, { ...all, words, merchantId, after: null, limit: 5 });
      }),
      { numRuns: 60, examples: [["o'ne \\ :* & !("], ['"'], ['-'], ['\0a'], ['\\'], ["it's"]] },
    );
  });

  test('price bounds are inclusive, and stock is counted as what could be held now', async () => {
    const merchantId = await shopWith([1, 2, 3, 4].map((price) => ({ sku: `s${price}`, price, title: 'TIN' })));
    const between = await walkPages(merchantId, { ...all, minPriceMinor: 2n, maxPriceMinor: 3n }, 10);
    expect(between.map(({ sku }) => sku)).toEqual(['s2', 's3']);
    await scratch.database.execute({
      text: `update stock set held_units = received_units - 1, sold_units = 1 where merchant_id = $1 and sku <> 's4'`,
      values: [merchantId],
    });
    const free = await walkPages(merchantId, { ...all, inStockOnly: true }, 10);
    expect(free.map(({ sku, freeUnits }) => ({ sku, freeUnits }))).toEqual([{ sku: 's4', freeUnits: 9n }]);
  });

  test('products of another merchant and products not on sale are not listed', async () => {
    const mine = await shopWith([{ sku: 'a', price: 1, title: 'TIN' }]);
    const other = await shopWith([
      { sku: 'b', price: 1, title: 'TIN' },
      { sku: 'c', price: 1, title: 'TIN' },
    ]);
    await scratch.database.execute({
      text: `update products set active = false where merchant_id = $1 and sku = 'c'`,
      values: [other],
    });
    expect((await walkPages(mine, all, 10)).map(({ sku }) => sku)).toEqual(['a']);
    expect((await walkPages(other, { ...all, words: 'tin' }, 10)).map(({ sku }) => sku)).toEqual(['b']);
  });
});

describe('offers', () => {
  test('an offer says whether the product is on sale, and unknown SKUs are missing', async () => {
    const merchantId = await shopWith([{ sku: 'a', price: 7, title: 'TIN' }]);
    await upsert(merchantId, [{ sku: 'b', price: 8, title: 'BOX' }]);
    await scratch.database.execute({
      text: `update products set active = false where merchant_id = $1 and sku = 'a'`,
      values: [merchantId],
    });
    const offers = await readOffers(scratch.database, merchantId, ['a', 'b', 'nope', 'a']);
    expect(offers.sort((left, right) => (left.sku < right.sku ? -1 : 1))).toEqual([
      { sku: 'a', title: 'TIN', priceMinor: 7n, currency, active: false, freeUnits: 9n },
      { sku: 'b', title: 'BOX', priceMinor: 8n, currency, active: true, freeUnits: 0n },
    ]);
  });
});

type Keyed = { sku: string; price: bigint };
const bySku = (left: Keyed, right: Keyed) => (left.sku < right.sku ? -1 : 1);
const byPrice = (left: Keyed, right: Keyed) => Number(left.price - right.price) || bySku(left, right);
const byOrder = { sku: bySku, price: byPrice, '-price': (left: Keyed, right: Keyed) => byPrice(right, left) };

type Product = { sku: string; price: number; title: string };

async function shopWith(products: readonly Product[]): Promise<string> {
  const merchantId = `m-${newUuid()}`;
  await scratch.database.execute({
    text: `insert into merchants (merchant_id, name, currency, country) values ($1, 'Test', 'GBP', 'GB')`,
    values: [merchantId],
  });
  await upsert(merchantId, products);
  const skus = products.map(({ sku }) => sku);
  const rest = { units: skus.map(() => 9), actor: 'test', reason: 'test', newId: newUuid };
  await scratch.database.transaction((tx) => receiveFirstStock(tx, { merchantId, skus, ...rest }));
  return merchantId;
}

async function upsert(merchantId: string, products: readonly Product[]): Promise<void> {
  const skus = products.map(({ sku }) => sku);
  const titles = products.map(({ title }) => title);
  const pricesMinor = products.map(({ price }) => BigInt(price));
  await scratch.database.transaction((tx) => upsertProducts(tx, { merchantId, currency, skus, titles, pricesMinor }));
}

async function putProduct(merchantId: string, sku: string, price: number, isOn: boolean): Promise<void> {
  await upsert(merchantId, [{ sku, price, title: 'TIN' }]);
  await scratch.database.execute({
    text: 'update products set active = $3 where merchant_id = $1 and sku = $2',
    values: [merchantId, sku, isOn],
  });
}

/** Walks as a caller does, with the cursor's outer form. */
async function walkPages(
  merchantId: string,
  filter: ProductFilter,
  limit: number,
  between: (page: number) => Promise<void> = async () => {},
): Promise<ListedProduct[]> {
  const seen: ListedProduct[] = [];
  let after = null;
  for (let page = 0; page < 200; page += 1) {
    const { products, next } = await listProducts(scratch.database, { ...filter, merchantId, after, limit });
    seen.push(...products);
    if (next === null) return seen;
    const decoded = decodeCursor(filter, encodeCursor(filter, next));
    if (isRefused(decoded)) throw new Error(decoded.message);
    after = decoded;
    await between(page);
  }
  throw new Error('the walk does not end');
}
