import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMemoryDesk, type MemoryDesk } from './memory-desk.ts';
import { startStorefront, type TestStorefront, ucp } from './test-storefront.ts';
import { complete, draft, home, instrument, openCheckout, payment } from './ucp-requests.ts';
import { expectProfile } from './ucp-schema.ts';

let desk: MemoryDesk;
let shop: TestStorefront;
beforeAll(async () => {
  desk = createMemoryDesk();
  shop = await startStorefront({ desk });
});
afterAll(async () => {
  await shop.stop();
});
beforeEach(() => {
  desk.failure = null;
  desk.orderStatus = 'pending';
});

test('the discovery profile holds against the protocol, may be cached, and names the REST endpoint first', async () => {
  const profile = await shop.call('GET', '/.well-known/ucp', { headers: { 'x-api-key': '' } });
  expect(profile.status).toBe(200);
  expectProfile(profile.body);
  expect(profile.headers.get('cache-control')).toBe('public, max-age=300');
  const service = profile.body.ucp.services['dev.ucp.shopping'][0];
  expect(service).toMatchObject({ transport: 'rest', endpoint: 'http://localhost:8080/ucp/v2026-04-08' });
  expect(Object.keys(profile.body.ucp.capabilities)).toEqual([
    'dev.ucp.shopping.checkout',
    'dev.ucp.shopping.fulfillment',
    'dev.ucp.shopping.order',
  ]);
  expect(profile.body.ucp.payment_handlers['dev.onetill.simulated'][0].id).toBe('simulated');
});

test('a checkout that has everything is ready at once, with the totals that the buyer pays', async () => {
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft });
  expect(created.status).toBe(201);
  expect(created.headers.get('etag')).toBe('"v1"');
  expect(created.body).toMatchObject({
    status: 'ready_for_complete',
    currency: 'GBP',
    line_items: [{ id: 'li_1', item: { id: '85123A', price: 295 }, quantity: 2 }],
    totals: [
      { type: 'subtotal', amount: 590 },
      { type: 'fulfillment', amount: 395 },
      { type: 'total', amount: 985 },
    ],
  });
  const read = await shop.call('GET', `${ucp}/checkout-sessions/${created.body.id}`);
  expect(read.body).toEqual(created.body);
});

test('an incomplete checkout says what is missing, each with its path', async () => {
  const body = { line_items: draft.line_items };
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body });
  expect(created.body.status).toBe('incomplete');
  expect(created.body.messages).toMatchObject([
    { code: 'missing', path: '$.buyer.email', severity: 'recoverable' },
    { code: 'missing', path: '$.fulfillment.methods[0].selected_destination_id', severity: 'recoverable' },
  ]);
  expect(created.body.fulfillment.methods[0].groups).toBeUndefined();
});

test('shipping options appear once a destination is selected', async () => {
  const destinations = [home, { id: 'work', address_country: 'DEU' }];
  const id = await openCheckout(shop, { ...draft, fulfillment: { methods: [{ type: 'shipping', destinations }] } });
  const before = await shop.call('GET', `${ucp}/checkout-sessions/${id}`);
  expect(before.body.fulfillment.methods[0]).toMatchObject({ selected_destination_id: null });
  expect(before.body.fulfillment.methods[0].groups).toBeUndefined();
  const methods = [{ type: 'shipping', destinations, selected_destination_id: 'work' }];
  const after = await shop.call('PUT', `${ucp}/checkout-sessions/${id}`, {
    body: { ...draft, fulfillment: { methods } },
  });
  expect(after.headers.get('etag')).toBe('"v2"');
  expect(after.body.fulfillment.methods[0].destinations[1].address_country).toBe('DE');
  expect(after.body.fulfillment.methods[0].groups[0]).toMatchObject({
    options: [{ id: 'standard' }, { id: 'express' }],
    selected_option_id: null,
  });
});

test('an update replaces everything, so what is left out is gone', async () => {
  const id = await openCheckout(shop);
  const body = { line_items: [{ item: { id: '22423' }, quantity: 1 }] };
  const updated = await shop.call('PUT', `${ucp}/checkout-sessions/${id}`, { body });
  expect(updated.body.buyer).toBeUndefined();
  expect(updated.body.fulfillment.methods[0].destinations).toEqual([]);
});

test('a request with fields that only answers have is taken and they are ignored', async () => {
  const noise = { id: 'x', status: 'completed', totals: [], links: [], ucp: {}, currency: 'USD', messages: [{}] };
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body: { ...draft, ...noise } });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({ currency: 'GBP', status: 'ready_for_complete' });
});

test('a create of which nothing can be bought is an error envelope without a checkout', async () => {
  const body = { line_items: [{ item: { id: 'GONE' }, quantity: 1 }] };
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body });
  expect(created.status).toBe(200);
  expect(created.body).toMatchObject({ ucp: { status: 'error' }, messages: [{ code: 'item_unavailable' }] });
});

test('an item that is not sold is left out and named', async () => {
  const line_items = [{ item: { id: 'NOPE' }, quantity: 1 }, ...draft.line_items];
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body: { ...draft, line_items } });
  expect(created.status).toBe(201);
  expect(created.body.line_items).toHaveLength(1);
  expect(created.body.messages).toMatchObject([
    { type: 'warning', code: 'item_unavailable', path: '$.line_items[0]', content: 'NOPE is not sold.' },
  ]);
});

test('a complete is answered in progress, and its order can be read', async () => {
  const id = await openCheckout(shop);
  const completed = await complete(shop, id, 'tok_ok');
  expect(completed.status).toBe(200);
  expect(completed.body).toMatchObject({ status: 'complete_in_progress', messages: [{ type: 'info' }] });
  const { id: orderId, permalink_url } = completed.body.order;
  expect(permalink_url).toBe(`https://shop.example/orders/${orderId}`);
  const order = await shop.call('GET', `${ucp}/orders/${orderId}`);
  expect(order.body).toMatchObject({
    checkout_id: id,
    line_items: [{ quantity: { original: 2, total: 2, fulfilled: 0 }, status: 'processing' }],
    fulfillment: { expectations: [{ method_type: 'shipping', destination: { address_country: 'GB' } }], events: [] },
  });
});

test('every outcome of a complete is a valid checkout with its message', async () => {
  const outcomes = [
    ['tok_now', 'completed', null, null],
    ['tok_hold', 'complete_in_progress', 'order_on_hold', null],
    ['tok_short', 'ready_for_complete', 'out_of_stock', '$.line_items[0]'],
    ['tok_declined', 'ready_for_complete', 'payment_failed', null],
    ['tok_expired', 'ready_for_complete', 'checkout_expired', null],
  ] as const;
  for (const [token, status, code, path] of outcomes) {
    const completed = await complete(shop, await openCheckout(shop), token);
    expect(completed.status).toBe(200);
    expect(completed.body.status).toBe(status);
    const message = completed.body.messages?.[0];
    expect(message?.code ?? null).toBe(code);
    expect(message?.path ?? null).toBe(path);
  }
});

test('an order says in every state where it stands and why it ended', async () => {
  const completed = await complete(shop, await openCheckout(shop), 'tok_ok');
  for (const status of ['pending', 'on_hold', 'confirmed', 'cancelling', 'cancelled'] as const) {
    desk.orderStatus = status;
    const order = await shop.call('GET', `${ucp}/orders/${completed.body.order.id}`);
    expect(order.status).toBe(200);
    if (status === 'cancelled') {
      expect(order.body.messages).toMatchObject([{ code: 'payment_failed', severity: 'unrecoverable' }]);
      expect(order.body.line_items[0]).toMatchObject({ quantity: { original: 2, total: 0 }, status: 'removed' });
    }
  }
});

test('a complete again under its key is the same answer to the byte', async () => {
  const id = await openCheckout(shop);
  const headers = { 'idempotency-key': crypto.randomUUID() };
  const first = await complete(shop, id, 'tok_ok', headers);
  const second = await complete(shop, id, 'tok_ok', headers);
  expect(second.text).toBe(first.text);
  expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
});

test('a cancelled checkout is canceled, with or without a body', async () => {
  const bare = await shop.call('POST', `${ucp}/checkout-sessions/${await openCheckout(shop)}/cancel`);
  expect(bare.body.status).toBe('canceled');
  const withBody = await shop.call('POST', `${ucp}/checkout-sessions/${await openCheckout(shop)}/cancel`, { body: {} });
  expect(withBody.body.status).toBe('canceled');
});

test('a key in quotes is the same key as without, and the order of fields does not make another request', async () => {
  const id = await openCheckout(shop);
  const path = `${ucp}/checkout-sessions/${id}/complete`;
  await shop.call('POST', path, { body: payment('tok_ok'), headers: { 'idempotency-key': 'k-1' } });
  const reordered = `{"payment":{"instruments":[${JSON.stringify(
    Object.fromEntries(Object.entries(instrument('tok_ok')).reverse()),
  )}]}}`;
  await shop.call('POST', path, { raw: reordered, headers: { 'idempotency-key': '"k-1"' } });
  const [first, second] = desk.completes.slice(-2);
  expect(second?.key.key).toBe('k-1');
  expect(Buffer.from(second?.key.requestSha256 ?? []).equals(Buffer.from(first?.key.requestSha256 ?? []))).toBe(true);
  await shop.call('POST', path, { body: payment('tok_other'), headers: { 'idempotency-key': 'k-1' } });
  const third = desk.completes.at(-1);
  expect(Buffer.from(third?.key.requestSha256 ?? []).equals(Buffer.from(first?.key.requestSha256 ?? []))).toBe(false);
});

test('If-Match and Prefer reach the desk as the version seen and the time to wait', async () => {
  const headers = { 'if-match': '"v1"', prefer: 'respond-async, wait=5' };
  const completed = await complete(shop, await openCheckout(shop), 'tok_ok', headers);
  expect(completed.headers.get('preference-applied')).toBe('wait=5');
  expect(desk.completes.at(-1)).toMatchObject({ seenVersion: 1, waitMs: 5000 });
  expect(desk.completes.at(-1)?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  await complete(shop, await openCheckout(shop), 'tok_ok', { prefer: 'wait=86400' });
  expect(desk.completes.at(-1)).toMatchObject({ seenVersion: null, waitMs: 30_000 });
  const refused = await complete(shop, await openCheckout(shop), 'tok_ok', { 'if-match': 'v1' });
  expect([refused.status, refused.body.code]).toEqual([400, 'header_invalid']);
});
