import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import type { Answer, Ask } from '../storefront-api/test-storefront.ts';
import { draft, payment } from '../storefront-api/ucp-requests.ts';
import { open, type Role, sessions, startTwoMerchants, type TwoMerchants } from './two-merchants.ts';

/** Ids that exist, in the hands of those whose they are not: the answer is that of an id that does not exist. */

let shop: TwoMerchants;
beforeAll(async () => {
  shop = await startTwoMerchants();
});
afterAll(() => shop?.stop());

const buyable = { ...draft, buyer: { email: 'ada@example.com' } };
const orders = '/ucp/v2026-04-08/orders';
const others = ['other caller', 'other merchant'] as const;
const once = (): Record<string, string> => ({ 'idempotency-key': newUuid() });

/** A fresh checkout of the owner's and the order of another one. */
async function ownThings(): Promise<{ checkoutId: string; orderId: string }> {
  const [checkoutId, bought] = await Promise.all([open(shop, buyable), open(shop, buyable)]);
  const path = `${sessions}/${bought}/complete`;
  const completed = await shop.call('owner', 'POST', path, { body: payment('tok_ok'), headers: once() });
  return { checkoutId, orderId: completed.body.order.id as string };
}

/** What a caller can tell two answers apart by, but for what names the request. */
function face({ status, headers, text }: Answer): unknown {
  const named = ['date', 'request-id'];
  const shown = [...headers].filter(([name]) => !named.includes(name));
  return { status, shown, text: text.replace(/"request_id":"[^"]*"/, '') };
}

/** Every route that takes an id of its own, from the running server; the SKU of a product is no secret. */
function routesWithIds(): { method: string; url: string }[] {
  return shop.inbound.routes().filter(({ url }) => url.includes(':id'));
}

const bodyFor = (url: string): Ask => {
  if (url.endsWith('/complete')) return { body: payment('tok_ok'), headers: once() };
  return url.endsWith('/cancel') ? {} : { body: draft };
};

/** All that the owner's checkouts and orders are made of. */
async function rowsOfOwner(): Promise<unknown> {
  return await shop.scratch.database.query({
    text: `
      select c.*, q.content, (select count(*) from orders o where o.checkout_id = c.checkout_id) as orders
      from checkouts c join quotes q on q.checkout_id = c.checkout_id and q.version = c.quote_version
      where c.merchant_id = 'demo' and c.caller_id = 'shop'
      order by c.checkout_id
      limit 1000`,
  });
}

test('at every route with an id, that of another caller or merchant is answered as one that is not there', async () => {
  expect(routesWithIds().length).toBeGreaterThanOrEqual(7);
  const { checkoutId, orderId } = await ownThings();
  const before = await rowsOfOwner();
  for (const { method, url } of routesWithIds()) {
    const [prefix, own] = url.startsWith(orders) ? ['ord', orderId] : ['chk', checkoutId];
    for (const role of others) {
      const ask = method === 'GET' || method === 'HEAD' ? {} : bodyFor(url);
      const foreign = await shop.call(role, method, url.replace(':id', own), ask);
      const absent = await shop.call(role, method, url.replace(':id', `${prefix}_${newUuid()}`), ask);
      expect([method, url, role, foreign.status]).toEqual([method, url, role, 404]);
      expect(face(foreign)).toEqual(face(absent));
    }
    if (method === 'GET') expect((await shop.call('owner', method, url.replace(':id', own))).status).toBe(200);
  }
  expect(await rowsOfOwner()).toEqual(before);
});

test('an id has one spelling: another prefix, case or ending is refused, and encoding it opens nothing', async () => {
  const { checkoutId, orderId } = await ownThings();
  const [checkoutUuid, orderUuid] = [checkoutId.slice(4), orderId.slice(4)];
  const asCheckout = [
    `ord_${checkoutUuid}`,
    `chk_${orderUuid}`,
    orderId,
    checkoutUuid,
    checkoutId.toUpperCase(),
    `CHK_${checkoutUuid}`,
    `chk_${checkoutUuid.toUpperCase()}`,
    `chk_${checkoutUuid.replaceAll('-', '')}`,
    `chk_{${checkoutUuid}}`,
    `${checkoutId}%20`,
    `%20${checkoutId}`,
    `${checkoutId}%00`,
    `${checkoutId}%0a`,
    `${checkoutId};v=1`,
    `${checkoutId}.json`,
    `${checkoutId}%2f..%2f${checkoutId}`,
    `%25${checkoutId.charCodeAt(0).toString(16)}${checkoutId.slice(1)}`,
  ];
  for (const id of asCheckout) {
    for (const role of ['owner', ...others] as const) {
      const { status } = await shop.call(role, 'GET', `${sessions}/${id}`);
      expect([id, role, [400, 404].includes(status)]).toEqual([id, role, true]);
    }
  }
  expect((await shop.call('owner', 'GET', `${orders}/ord_${checkoutUuid}`)).status).toBe(404);
  expect((await shop.call('owner', 'GET', `${orders}/chk_${orderUuid}`)).status).toBe(400);
  const spelled = [...checkoutId].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('');
  const seen = await Promise.all(
    (['owner', ...others] as const).map((role) => shop.call(role, 'GET', `${sessions}/${spelled}`)),
  );
  expect(seen.map((answer) => answer.status)).toEqual([200, 404, 404]);
});

describe('beside the path', () => {
  /** Ways to name somebody or something else than the path and the key do. */
  const claims = (id: string): Record<string, Ask & { query?: string }> => ({
    'ids in the query': { query: `?id=${id}&id=${newUuid()}&checkout_id=${id}&merchant_id=rival&caller_id=other` },
    'ids in the body': { body: { ...draft, id, checkout_id: id, merchant_id: 'rival', caller_id: 'other' } },
    'headers of a gateway': {
      headers: { 'x-merchant-id': 'rival', 'x-caller-id': 'other', 'x-user-id': 'admin', 'x-role': 'admin' },
    },
    'headers of a proxy': {
      headers: {
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-real-ip': '127.0.0.1',
        forwarded: 'for=127.0.0.1;host=evil.example',
      },
    },
    'another URL in a header': {
      headers: { 'x-original-url': `${sessions}/${id}/cancel`, 'x-rewrite-url': `${sessions}/${id}/cancel` },
    },
    'another method in a header': {
      headers: { 'x-http-method-override': 'DELETE', 'x-http-method': 'PUT', 'x-method-override': 'POST' },
      query: '?_method=DELETE',
    },
  });

  test('no id, name, address or method in query, body or headers makes somebody else of the caller', async () => {
    const { checkoutId } = await ownThings();
    const before = await rowsOfOwner();
    for (const role of others) {
      const mine = await open(shop, buyable, role);
      const plain = await shop.call(role, 'PUT', `${sessions}/${mine}`, { body: draft });
      for (const [what, { query = '', ...ask }] of Object.entries(claims(checkoutId))) {
        const put = await shop.call(role, 'PUT', `${sessions}/${mine}${query}`, { body: draft, ...ask });
        expect([what, put.status, put.body.id]).toEqual([what, 200, mine]);
        expect(put.text.length).toBe(plain.text.length);
        expect(put.text).not.toContain('evil.example');
        const foreign = await shop.call(role, 'GET', `${sessions}/${checkoutId}${query}`, {
          headers: ask.headers ?? {},
        });
        expect([what, foreign.status]).toEqual([what, 404]);
      }
    }
    expect(await rowsOfOwner()).toEqual(before);
  });

  test('another method in a header or a query is not the method of the request', async () => {
    const { checkoutId } = await ownThings();
    const headers = { 'x-http-method-override': 'POST', 'x-method-override': 'POST' };
    const read = await shop.call('owner', 'GET', `${sessions}/${checkoutId}/cancel?_method=POST`, { headers });
    expect(read.status).toBe(405);
    expect((await shop.call('owner', 'GET', `${sessions}/${checkoutId}`)).body.status).toBe('ready_for_complete');
  });
});

test('with the same key of idempotency, body and id another caller gets nothing of the answer', async () => {
  const { checkoutId } = await ownThings();
  const headers = once();
  const created = await shop.call('owner', 'POST', sessions, { body: buyable, headers });
  const path = `${sessions}/${checkoutId}/complete`;
  const completed = await shop.call('owner', 'POST', path, { body: payment('tok_ok'), headers });
  expect(completed.body.order.id).toMatch(/^ord_/);
  for (const role of others) {
    const again = await shop.call(role, 'POST', sessions, { body: buyable, headers });
    expect(again.status).toBe(201);
    expect(again.body.id).not.toBe(created.body.id);
    expect((await shop.call(role, 'POST', path, { body: payment('tok_ok'), headers })).status).toBe(404);
  }
  const replayed = await shop.call('owner', 'POST', path, { body: payment('tok_ok'), headers });
  expect(replayed.text).toBe(completed.text);
});

test('a cursor and a SKU show a caller the products of its own merchant alone', async () => {
  const page = await shop.call('owner', 'GET', '/products?limit=1');
  const cursor = page.body.next_cursor as string;
  const skus = async (role: Role, query: string): Promise<string[]> => {
    const { body } = await shop.call(role, 'GET', `/products${query}`);
    return body.products.map((each: { sku: string; title: string }) => `${each.sku} ${each.title}`);
  };
  expect(await skus('owner', `?limit=1&cursor=${cursor}`)).toEqual(['DEMO-ONLY Product DEMO-ONLY']);
  expect(await skus('other merchant', `?limit=1&cursor=${cursor}`)).toEqual(['RIVAL-ONLY Another']);
  expect(await skus('other merchant', '')).toEqual(['85123A Product of the rival', 'RIVAL-ONLY Another']);
  const foreign = await shop.call('other merchant', 'GET', '/products/DEMO-ONLY');
  expect(face(foreign)).toEqual(face(await shop.call('other merchant', 'GET', '/products/NOBODYS')));
  const shared = await shop.call('other merchant', 'GET', '/products/85123A');
  expect(shared.body).toMatchObject({ title: 'Product of the rival', price_minor: 999 });
});

test('whoever asks for the checkout of another merchant waits for none of its locks and takes none', async () => {
  const { checkoutId } = await ownThings();
  const refused = await shop.scratch.database.transaction(async (tx) => {
    await tx.query({ text: `select 1 from stock where merchant_id = 'demo' for update` });
    await tx.query({
      text: 'select 1 from checkouts where checkout_id = $1 for update',
      values: [checkoutId.slice(4)],
    });
    const asked = others.flatMap((role) =>
      ['/complete', '/cancel', ''].map((end) =>
        shop.call(role, end === '' ? 'PUT' : 'POST', `${sessions}/${checkoutId}${end}`, bodyFor(`x${end}`)),
      ),
    );
    const waited = new Promise<'waited'>((resolve) => setTimeout(() => resolve('waited'), 5_000));
    return await Promise.race([Promise.all(asked), waited]);
  });
  expect(refused === 'waited' ? refused : refused.map((answer) => answer.status)).toEqual(Array(6).fill(404));
});
