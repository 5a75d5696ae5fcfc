import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RealStorefront, startRealStorefront } from './real-storefront.ts';

let shop: RealStorefront;
beforeAll(async () => {
  const stock = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`S${10 + index}`, index]));
  shop = await startRealStorefront({ ...stock, 'A/B 1': 3 });
});
afterAll(async () => {
  await shop.stop();
});

test('the pages of products hold every product once, with its price and what is free', async () => {
  const seen: string[] = [];
  let path: string | null = '/products?limit=7';
  while (path !== null) {
    const page = await shop.call('GET', path);
    expect(page.status).toBe(200);
    for (const product of page.body.products) {
      expect(product).toMatchObject({ price_minor: 255, currency: 'GBP' });
      seen.push(product.sku);
    }
    path = page.body.next_cursor === null ? null : `/products?limit=7&cursor=${page.body.next_cursor}`;
  }
  expect(seen).toHaveLength(26);
  expect(new Set(seen).size).toBe(26);
});

test('products are found by words, price and stock', async () => {
  const found = await shop.call('GET', '/products?q=product+S12&min_price=200&max_price=300&in_stock=true&sort=-price');
  expect(found.body).toEqual({
    products: [{ sku: 'S12', title: 'Product S12', price_minor: 255, currency: 'GBP', free_units: 2 }],
    next_cursor: null,
  });
  expect((await shop.call('GET', '/products?min_price=99999999999999')).body.products).toEqual([]);
  expect((await shop.call('GET', '/products?in_stock=true&limit=100')).body.products).toHaveLength(25);
});

test('a parameter that is wrong, unknown or given twice is refused by name', async () => {
  const cases: [string, string][] = [
    ['limit=0', 'query:limit'],
    ['limit=101', 'query:limit'],
    ['limit=ten', 'query:limit'],
    ['limit=1&limit=2', 'query:limit'],
    ['min_price=-1', 'query:min_price'],
    ['max_price=1.5', 'query:max_price'],
    ['in_stock=yes', 'query:in_stock'],
    ['sort=title', 'query:sort'],
    ['limt=5', 'query:limt'],
    [`q=${'a'.repeat(256)}`, 'query:q'],
    ['q=%00', 'query:q'],
  ];
  for (const [query, path] of cases) {
    const refused = await shop.call('GET', `/products?${query}`);
    expect([query, refused.status, refused.body.code, refused.body.path]).toEqual([query, 400, 'input_invalid', path]);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
  }
});

test('a cursor of another search, or of nothing, is refused', async () => {
  const page = await shop.call('GET', '/products?limit=5');
  for (const query of [`limit=5&sort=price&cursor=${page.body.next_cursor}`, 'cursor=nonsense', 'cursor=e30']) {
    const refused = await shop.call('GET', `/products?${query}`);
    expect([refused.status, refused.body.code, refused.body.path]).toEqual([400, 'cursor_invalid', 'query:cursor']);
  }
});

test('one product is read by its SKU, whatever characters it has', async () => {
  expect((await shop.call('GET', '/products/A%2FB%201')).body).toMatchObject({ sku: 'A/B 1', free_units: 3 });
  for (const sku of ['NOPE', 'a'.repeat(65), 'a'.repeat(250)]) {
    const refused = await shop.call('GET', `/products/${sku}`);
    expect([refused.status, refused.body.code]).toEqual([404, 'not_found']);
  }
});

test('the list asks for a key, and a merchant may open it to all', async () => {
  const refused = await shop.call('GET', '/products', {}, '');
  expect([refused.status, refused.body.code]).toEqual([401, 'api_key_missing']);
  const open = await startRealStorefront({ S1: 1 }, { publicMerchantId: 'demo' });
  try {
    expect((await open.call('GET', '/products', {}, '')).body.products).toHaveLength(1);
    expect((await open.call('GET', '/products', {}, 'wrong')).body.code).toBe('api_key_unknown');
  } finally {
    await open.stop();
  }
});
