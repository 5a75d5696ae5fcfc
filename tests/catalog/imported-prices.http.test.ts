import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importProducts } from '../../src/catalog/import.cli.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { type RealStorefront, startRealStorefront } from '../storefront-api/real-storefront.ts';
import { ucp } from '../storefront-api/test-storefront.ts';
import { complete, draft, openCheckout } from '../storefront-api/ucp-requests.ts';

let shop: RealStorefront;
let folder: string;
beforeAll(async () => {
  shop = await startRealStorefront({ OTHER: 5 });
  folder = await mkdtemp(join(tmpdir(), 'onetill-prices-'));
});
afterAll(async () => {
  await shop.stop();
  await rm(folder, { recursive: true, force: true });
});

async function importList(...rows: readonly string[]): Promise<void> {
  const file = join(folder, 'list.csv');
  await writeFile(file, `sku,title,price,stock\n${rows.join('\n')}\n`);
  const summary = await importProducts({ database: shop.scratch.database, file, merchantId: 'demo' });
  if (isRefused(summary)) throw new Error(summary.message);
}

const draftOf = (sku: string) => ({ ...draft, line_items: [{ item: { id: sku }, quantity: 2 }] });
const totalOf = (body: { totals: { type: string; amount: number }[] }): number =>
  body.totals.find(({ type }) => type === 'subtotal')?.amount ?? 0;

test('a price that an import changed is not charged to a buyer who saw the old one', async () => {
  await importList('TEA,Tea,12.50,40');
  const id = await openCheckout(shop, draftOf('TEA'));
  await importList('TEA,Tea,13.00,40');
  const stale = await complete(shop, id, 'tok_ok');
  expect(stale.status).toBe(200);
  expect(stale.body.status).toBe('incomplete');
  expect(stale.body.order).toBeUndefined();
  expect(stale.body.messages).toMatchObject([
    {
      code: 'price_changed',
      content: expect.stringContaining('TEA was GBP 12.50 and is GBP 13.00'),
      path: '$.line_items[0]',
    },
  ]);
  const quotes = await shop.scratch.database.query<{ version: number; price: string }>({
    text: `
      select version, content #>> '{lines,0,unitPriceMinor}' as price from quotes
      where checkout_id = $1 order by version limit 10`,
    values: [id.slice('chk_'.length)],
  });
  expect(quotes).toEqual([
    { version: 1, price: '1250' },
    { version: 2, price: '1300' },
  ]);
  const agreed = await complete(shop, id, 'tok_ok');
  expect(agreed.body.order).toBeDefined();
  expect(totalOf(agreed.body)).toBe(2_600);
});

test('a product is bought under the SKU that it was imported with, whatever it looks like', async () => {
  const skus = ['4006381333931', 'tea/2 b', '0049 151 12345678', 'Ä-12_x', '2026112105064'];
  await importList(...skus.map((sku) => `${sku},Tea,1.00,9`));
  for (const sku of skus) {
    expect((await shop.call('GET', `/products/${encodeURIComponent(sku)}`)).body).toMatchObject({ sku });
    const opened = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draftOf(sku) });
    expect([sku, opened.status]).toEqual([sku, 201]);
    expect((await complete(shop, opened.body.id, 'tok_ok')).body.order).toBeDefined();
  }
});
