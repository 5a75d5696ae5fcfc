import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { upsertProducts } from '../../src/catalog/import.sql.ts';
import { listStock, setOnHand, showStock } from '../../src/inventory/stock.sql.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { currencyOf } from '../../src/shared/money.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';

let scratch: TestDatabase;
let merchantId = '';
beforeAll(async () => {
  scratch = await createTestDatabase();
});
afterAll(() => scratch.drop());
beforeEach(async () => {
  merchantId = `m-${newUuid()}`;
  await scratch.database.execute({
    text: `insert into merchants (merchant_id, name, currency, country) values ($1, 'Test', 'GBP', 'GB')`,
    values: [merchantId],
  });
  const products = { skus: ['a', 'b'], titles: ['TIN', 'BOX'], pricesMinor: [1n, 2n] };
  await scratch.database.transaction((tx) =>
    upsertProducts(tx, { merchantId, currency: currencyOf('GBP'), ...products }),
  );
});

describe('setting the stock after a count', () => {
  test('a product without stock gets what was counted, with an adjustment that says who and why', async () => {
    const stock = await set('a', 12n);
    expect(stock).toEqual(level('a', 'TIN', { received: 12n, sold: 0n, held: 0n }));
    expect(await showStock(scratch.database, merchantId, 'a')).toEqual(stock);
    expect(await adjustments()).toEqual([{ units: 12n, actor: 'a person', reason: 'counted' }]);
  });

  test('what is sold stays sold and what is held stays held', async () => {
    await set('a', 12n);
    await moveUnits('a', { sold: 3n, held: 4n });
    expect(await set('a', 20n)).toEqual(level('a', 'TIN', { received: 23n, sold: 3n, held: 4n }));
    expect(await set('a', 4n)).toEqual(level('a', 'TIN', { received: 7n, sold: 3n, held: 4n }));
    expect((await adjustments()).map((each) => each.units)).toEqual([12n, 11n, -16n]);
  });

  test('stock is not set below what orders hold, and the refusal says how much that is', async () => {
    await set('a', 12n);
    await moveUnits('a', { sold: 3n, held: 4n });
    expect(await set('a', 3n)).toMatchObject({ refused: true, code: 'stock_held', details: { heldUnits: 4 } });
    expect(await showStock(scratch.database, merchantId, 'a')).toMatchObject({ receivedUnits: 12n });
    expect(await adjustments()).toHaveLength(1);
  });

  test('setting what is there already writes nothing', async () => {
    await set('a', 12n);
    await set('a', 12n);
    expect(await adjustments()).toHaveLength(1);
  });

  test('a product that is not there, or another merchant’s, is refused', async () => {
    expect(await set('nope', 1n)).toMatchObject({ code: 'not_found' });
    const asOther = { merchantId: 'nobody', sku: 'a', onHandUnits: 1n, actor: 'x', reason: 'x', newId: newUuid };
    expect(await scratch.database.transaction((tx) => setOnHand(tx, asOther))).toMatchObject({ code: 'not_found' });
  });

  test('counts that arrive together are applied one after the other and add up', async () => {
    await Promise.all([1n, 5n, 9n, 3n].map((units) => set('a', units)));
    const stock = await showStock(scratch.database, merchantId, 'a');
    const total = (await adjustments()).reduce((sum, each) => sum + each.units, 0n);
    expect(stock?.receivedUnits).toBe(total);
    expect([1n, 5n, 9n, 3n]).toContain(stock?.freeUnits);
  });

  test('levels are listed in SKU order, from the SKU that was seen last', async () => {
    await set('b', 2n);
    await set('a', 1n);
    const page = await listStock(scratch.database, { merchantId, afterSku: null, limit: 1 });
    expect(page.map((each) => each.sku)).toEqual(['a']);
    const rest = await listStock(scratch.database, { merchantId, afterSku: 'a', limit: 10 });
    expect(rest).toEqual([level('b', 'BOX', { received: 2n, sold: 0n, held: 0n })]);
  });
});

function set(sku: string, onHandUnits: bigint) {
  return scratch.database.transaction((tx) =>
    setOnHand(tx, { merchantId, sku, onHandUnits, actor: 'a person', reason: 'counted', newId: newUuid }),
  );
}

function level(sku: string, title: string, units: { received: bigint; sold: bigint; held: bigint }) {
  const { received, sold, held } = units;
  const freeUnits = received - sold - held;
  return { sku, title, receivedUnits: received, soldUnits: sold, heldUnits: held, freeUnits };
}

async function moveUnits(sku: string, units: { sold: bigint; held: bigint }): Promise<void> {
  await scratch.database.execute({
    text: 'update stock set sold_units = $3, held_units = $4 where merchant_id = $1 and sku = $2',
    values: [merchantId, sku, units.sold, units.held],
  });
}

function adjustments() {
  return scratch.database.query<{ units: bigint; actor: string; reason: string }>({
    text: 'select units, actor, reason from stock_adjustments where merchant_id = $1 order by adjustment_id',
    values: [merchantId],
  });
}
