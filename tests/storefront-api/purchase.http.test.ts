import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { eventually, type RunningShop, startShop } from '../harness/shop.ts';
import { type RealStorefront, startRealStorefront } from './real-storefront.ts';
import { type Answer, ucp } from './test-storefront.ts';
import { complete, home, openCheckout, payment } from './ucp-requests.ts';

/** Buying by the protocol from the API as it is wired for production, with a worker and a provider behind it. */

let shop: RealStorefront;
let worker: RunningShop;
const world = createInMemoryProvider({
  nowMs: machineClock.nowMs,
  newId: newUuid,
  sleep,
  deadlineMs: 300,
  onError: (error) => {
    throw error;
  },
});
beforeAll(async () => {
  shop = await startRealStorefront({ PLENTY: 1000, LAST: 1, SCARCE: 3 });
  worker = await startShop(shop.scratch.database, { provider: world.provider });
});
afterAll(async () => {
  await worker?.stop();
  world.stop();
  await shop?.stop();
});

const draftOf = (lines: Record<string, number>, more: object = {}) => ({
  line_items: Object.entries(lines).map(([id, quantity]) => ({ item: { id }, quantity })),
  buyer: { first_name: 'Ada', email: `ada-${newUuid()}@example.com` },
  fulfillment: {
    methods: [{ type: 'shipping', destinations: [home], groups: [{ selected_option_id: 'standard' }] }],
  },
  ...more,
});
const read = (id: string): Promise<Answer> => shop.call('GET', `${ucp}/checkout-sessions/${id}`);

test('who waits for the outcome is told that the order is confirmed', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 2 }));
  const completed = await complete(shop, id, 'tok_ok', { prefer: 'wait=10' });
  expect([completed.status, completed.body.status]).toEqual([200, 'completed']);
  expect(completed.body.totals.at(-1)).toMatchObject({ type: 'total', amount: 2 * 255 + 395 });
  const order = await shop.call('GET', `${ucp}/orders/${completed.body.order.id}`);
  expect(order.body).toMatchObject({ checkout_id: id, line_items: [{ status: 'processing' }] });
  expect(order.body.messages).toBeUndefined();
});

test('who does not wait is told that it is in progress, and reads the outcome later', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 1 }));
  const completed = await complete(shop, id, 'tok_ok');
  expect(completed.body.status).toBe('complete_in_progress');
  await eventually('the checkout is completed', async () => (await read(id)).body.status === 'completed');
});

test('a declined payment leaves the checkout open, says so, and another token completes it', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 1 }));
  const declined = await complete(shop, id, 'tok_insufficient_funds', { prefer: 'wait=10' });
  expect(declined.body.status).toBe('ready_for_complete');
  expect(declined.body.messages).toMatchObject([{ code: 'payment_failed' }]);
  const again = await complete(shop, id, 'tok_ok', { prefer: 'wait=10' });
  expect(again.body.status).toBe('completed');
});

test('the answer under a key is the same to the byte for concurrent and later retries', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 1 }));
  const headers = { 'idempotency-key': newUuid() };
  const together = await Promise.all(Array.from({ length: 8 }, () => complete(shop, id, 'tok_ok', headers)));
  await eventually('the checkout is completed', async () => (await read(id)).body.status === 'completed');
  const later = await complete(shop, id, 'tok_ok', headers);
  expect(new Set([...together, later].map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
  const other = await complete(shop, id, 'tok_other', headers);
  expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reused']);
  const secondKey = await complete(shop, id, 'tok_ok');
  expect([secondKey.status, secondKey.body.code]).toEqual([409, 'checkout_not_open']);
});

test('a create and a cancel under one key are done once', async () => {
  const headers = { 'idempotency-key': newUuid() };
  const body = draftOf({ PLENTY: 1 });
  const path = `${ucp}/checkout-sessions`;
  const created = await Promise.all([1, 2, 3].map(() => shop.call('POST', path, { body, headers })));
  expect(new Set(created.map((answer) => answer.body.id)).size).toBe(1);
  const id = created[0]?.body.id as string;
  for (let time = 0; time < 2; time += 1) {
    const cancelled = await shop.call('POST', `${path}/${id}/cancel`, { headers });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'canceled']);
  }
});

test('what is out of stock is named line by line when it is quoted and when it is committed', async () => {
  const quoted = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draftOf({ PLENTY: 1, SCARCE: 4 }) });
  expect(quoted.body).toMatchObject({
    status: 'incomplete',
    messages: [{ type: 'error', code: 'out_of_stock', path: '$.line_items[1]', severity: 'recoverable' }],
  });
  const [first, second] = [
    await openCheckout(shop, draftOf({ LAST: 1 })),
    await openCheckout(shop, draftOf({ LAST: 1 })),
  ];
  expect((await complete(shop, first, 'tok_ok')).body.status).toBe('complete_in_progress');
  const refused = await complete(shop, second, 'tok_ok');
  expect([refused.status, refused.body.status]).toEqual([200, 'incomplete']);
  expect(refused.body.messages).toMatchObject([{ code: 'out_of_stock', path: '$.line_items[0]' }]);
  expect(refused.body.messages[0].content).toContain('LAST');
});

test('a price that changed since the quote is refused with what changed, and the new total stands', async () => {
  const id = await openCheckout(shop, draftOf({ SCARCE: 1 }));
  const setPrice = (minor: number) =>
    shop.scratch.database.execute({
      text: `update products set price_minor = $1 where sku = 'SCARCE'`,
      values: [minor],
    });
  await setPrice(300);
  const refused = await complete(shop, id, 'tok_ok');
  await setPrice(255);
  expect(refused.status).toBe(200);
  expect(refused.body.messages).toMatchObject([{ code: 'price_changed', path: '$.line_items[0]' }]);
  expect(refused.body.messages[0].content).toMatch(/GBP 2\.55.*GBP 3\.00/);
  expect(refused.headers.get('etag')).toBe('"v2"');
  expect(refused.body.line_items[0].item.price).toBe(300);
});

test('a buyer who saw an older version is refused by its number', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 1 }));
  await shop.call('PUT', `${ucp}/checkout-sessions/${id}`, { body: draftOf({ PLENTY: 2 }) });
  const refused = await complete(shop, id, 'tok_ok', { 'if-match': '"v1"' });
  expect([refused.status, refused.body.code]).toEqual([412, 'quote_changed']);
  const completed = await complete(shop, id, 'tok_ok', { 'if-match': '"v2"' });
  expect(completed.body.status).toBe('complete_in_progress');
});

test('checkouts and orders of another caller are not there', async () => {
  const id = await openCheckout(shop, draftOf({ PLENTY: 1 }));
  const completed = await complete(shop, id, 'tok_ok');
  const paths: [string, string, object][] = [
    ['GET', `/checkout-sessions/${id}`, {}],
    ['PUT', `/checkout-sessions/${id}`, { body: draftOf({ PLENTY: 1 }) }],
    ['POST', `/checkout-sessions/${id}/cancel`, {}],
    ['POST', `/checkout-sessions/${id}/complete`, { body: payment('tok_ok'), headers: { 'idempotency-key': 'k' } }],
    ['GET', `/orders/${completed.body.order.id}`, {}],
  ];
  for (const [method, path, ask] of paths) {
    const refused = await shop.call(method, `${ucp}${path}`, ask, 'key-other');
    expect([path, refused.status, refused.body.code]).toEqual([path, 404, 'not_found']);
  }
});
