import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMemoryDesk, type MemoryDesk } from './memory-desk.ts';
import { apiKey, startStorefront, type TestStorefront, ucp } from './test-storefront.ts';
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

const home = { id: 'home', street_address: '1 High Street', address_locality: 'Leeds', address_country: 'GB' };
const draft = {
  line_items: [{ item: { id: '85123A' }, quantity: 2 }],
  buyer: { first_name: 'Ada', email: 'ada@example.com' },
  fulfillment: {
    methods: [{ type: 'shipping', destinations: [home], groups: [{ selected_option_id: 'standard' }] }],
  },
};
const instrument = (token: string) => ({
  id: 'pi_1',
  handler_id: 'simulated',
  type: 'card',
  selected: true,
  credential: { type: 'token', token },
});
const payment = (token: string) => ({ payment: { instruments: [instrument(token)] } });

async function openCheckout(body: unknown = draft): Promise<string> {
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body });
  expect(created.status).toBe(201);
  return created.body.id as string;
}

async function complete(id: string, token: string, headers: Record<string, string> = {}) {
  return shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, {
    body: payment(token),
    headers: { 'idempotency-key': crypto.randomUUID(), ...headers },
  });
}

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
  const id = await openCheckout({ ...draft, fulfillment: { methods: [{ type: 'shipping', destinations }] } });
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
  const id = await openCheckout();
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
  const id = await openCheckout();
  const completed = await complete(id, 'tok_ok');
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
    const completed = await complete(await openCheckout(), token);
    expect(completed.status).toBe(200);
    expect(completed.body.status).toBe(status);
    const message = completed.body.messages?.[0];
    expect(message?.code ?? null).toBe(code);
    expect(message?.path ?? null).toBe(path);
  }
});

test('an order says in every state where it stands and why it ended', async () => {
  const completed = await complete(await openCheckout(), 'tok_ok');
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
  const id = await openCheckout();
  const headers = { 'idempotency-key': crypto.randomUUID() };
  const first = await complete(id, 'tok_ok', headers);
  const second = await complete(id, 'tok_ok', headers);
  expect(second.text).toBe(first.text);
  expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
});

test('a cancelled checkout is canceled, with or without a body', async () => {
  const bare = await shop.call('POST', `${ucp}/checkout-sessions/${await openCheckout()}/cancel`);
  expect(bare.body.status).toBe('canceled');
  const withBody = await shop.call('POST', `${ucp}/checkout-sessions/${await openCheckout()}/cancel`, { body: {} });
  expect(withBody.body.status).toBe('canceled');
});

test('a complete without an Idempotency-Key is refused before anything happens', async () => {
  const id = await openCheckout();
  const before = desk.completes.length;
  const refused = await shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, { body: payment('tok_ok') });
  expect([refused.status, refused.body.code]).toEqual([400, 'idempotency_key_missing']);
  expect(desk.completes).toHaveLength(before);
});

test('a key in quotes is the same key as without, and the order of fields does not make another request', async () => {
  const id = await openCheckout();
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

test('keys that are empty, too long or not visible ASCII are refused', async () => {
  for (const key of ['""', 'a b', 'k'.repeat(256), '"open', '"a" "b"', 'schlüssel']) {
    const headers = { 'idempotency-key': Buffer.from(key, 'utf8').toString('latin1') };
    const refused = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft, headers });
    expect([key, refused.status, refused.body.code]).toEqual([key, 400, 'header_invalid']);
  }
});

test('If-Match and Prefer reach the desk as the version seen and the time to wait', async () => {
  const headers = { 'if-match': '"v1"', prefer: 'respond-async, wait=5' };
  const completed = await complete(await openCheckout(), 'tok_ok', headers);
  expect(completed.headers.get('preference-applied')).toBe('wait=5');
  expect(desk.completes.at(-1)).toMatchObject({ seenVersion: 1, waitMs: 5000 });
  expect(desk.completes.at(-1)?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  await complete(await openCheckout(), 'tok_ok', { prefer: 'wait=86400' });
  expect(desk.completes.at(-1)).toMatchObject({ seenVersion: null, waitMs: 30_000 });
  const refused = await complete(await openCheckout(), 'tok_ok', { 'if-match': 'v1' });
  expect([refused.status, refused.body.code]).toEqual([400, 'header_invalid']);
});

test('a caller of another version of the protocol learns that before anything else', async () => {
  const headers = { 'ucp-agent': 'profile="https://agent.example/p"; version="2099-01-01"', 'x-api-key': '' };
  const refused = await shop.call('POST', `${ucp}/checkout-sessions`, { raw: '{', headers });
  expect([refused.status, refused.body.code]).toEqual([422, 'version_unsupported']);
  const ours = { 'ucp-agent': 'profile="https://agent.example/p"; version="2026-04-08"' };
  expect((await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft, headers: ours })).status).toBe(201);
});

test('no key, an unknown key and a bearer key are told apart', async () => {
  const path = `${ucp}/checkout-sessions/chk_01890a5d-0000-7000-8000-000000000000`;
  const missing = await shop.call('GET', path, { headers: { 'x-api-key': '' } });
  expect([missing.status, missing.body.code]).toEqual([401, 'api_key_missing']);
  expect(missing.headers.get('www-authenticate')).toMatch(/^Bearer/);
  const unknown = await shop.call('GET', path, { headers: { 'x-api-key': 'nobody' } });
  expect([unknown.status, unknown.body.code]).toEqual([401, 'api_key_unknown']);
  const bearer = await shop.call('GET', path, { headers: { 'x-api-key': '', authorization: `Bearer ${apiKey}` } });
  expect([bearer.status, bearer.body.code]).toEqual([404, 'not_found']);
});

test('an id of another type, or of no type, is refused as malformed', async () => {
  for (const id of ['ord_01890a5d-0000-7000-8000-000000000000', 'chk_1', '1', 'chk_', '%00', 'a'.repeat(200)]) {
    const refused = await shop.call('GET', `${ucp}/checkout-sessions/${id}`);
    expect(refused.status).toBe(400);
    expect(['id_malformed', 'input_invalid']).toContain(refused.body.code);
  }
});

test('each field that is wrong is named by its path and the value is not repeated', async () => {
  const line = draft.line_items[0];
  const method = (more: object) => ({ ...draft, fulfillment: { methods: [{ destinations: [home], ...more }] } });
  const cases: [unknown, string][] = [
    [{}, '$.line_items'],
    [{ line_items: [] }, '$.line_items'],
    [{ line_items: [{ ...line, quantity: 0 }] }, '$.line_items[0].quantity'],
    [{ line_items: [{ ...line, quantity: '1' }] }, '$.line_items[0].quantity'],
    [{ line_items: [{ ...line, quantity: 1.5 }] }, '$.line_items[0].quantity'],
    [{ line_items: [{ item: { id: 'WRONG'.repeat(20) }, quantity: 1 }] }, '$.line_items[0].item.id'],
    [{ line_items: Array.from({ length: 101 }, () => line) }, '$.line_items'],
    [{ line_items: [{ ...line, quantity: 100_000 }, line] }, '$.line_items[1].quantity'],
    [{ ...draft, buyer: { email: 'WRONG' } }, '$.buyer.email'],
    [{ ...draft, buyer: { first_name: 'WRONG\u0000' } }, '$.buyer.first_name'],
    [{ ...draft, buyer: { first_name: 'WRONG\ud800' } }, '$.buyer.first_name'],
    [{ ...draft, buyer: [] }, '$.buyer'],
    [method({ type: 'pickup' }), '$.fulfillment.methods[0].type'],
    [method({ selected_destination_id: 'WRONG' }), '$.fulfillment.methods[0].selected_destination_id'],
    [method({ destinations: [{ id: 'a' }] }), '$.fulfillment.methods[0].destinations[0].address_country'],
    [
      method({ destinations: [{ id: 'a', address_country: 'WRONG' }] }),
      '$.fulfillment.methods[0].destinations[0].address_country',
    ],
    [method({ destinations: [home, home] }), '$.fulfillment.methods[0].destinations[1].id'],
    [[], '$'],
    ['WRONG', '$'],
    [null, '$'],
  ];
  for (const [body, path] of cases) {
    const refused = await shop.call('POST', `${ucp}/checkout-sessions`, { body });
    expect([refused.status, refused.body.code, refused.body.path]).toEqual([400, 'input_invalid', path]);
    expect(refused.text).not.toContain('WRONG');
  }
});

test('a complete takes exactly one selected instrument of a handler that is offered', async () => {
  const id = await openCheckout();
  const one = instrument('tok_ok');
  const cases: [unknown[], number, string, string][] = [
    [[], 400, 'input_invalid', '$.payment.instruments'],
    [[{ ...one, selected: false }], 400, 'input_invalid', '$.payment.instruments'],
    [[one, one], 400, 'input_invalid', '$.payment.instruments'],
    [[{ ...one, handler_id: 'other' }], 400, 'payment_handler_unknown', '$.payment.instruments[0].handler_id'],
    [[{ ...one, credential: { type: 'token' } }], 400, 'input_invalid', '$.payment.instruments[0].credential.token'],
    [
      [{ ...one, credential: { type: 'card', number: '1' } }],
      422,
      'card_number_refused',
      '$.payment.instruments[0].credential.number',
    ],
    [
      [{ ...one, credential: { type: 'card', cvc: '123', token: 'tok_ok' } }],
      422,
      'card_number_refused',
      '$.payment.instruments[0].credential.cvc',
    ],
  ];
  for (const [instruments, status, code, path] of cases) {
    const refused = await shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, {
      body: { payment: { instruments } },
      headers: { 'idempotency-key': crypto.randomUUID() },
    });
    expect([refused.status, refused.body.code, refused.body.path]).toEqual([status, code, path]);
  }
  const two = { payment: { instruments: [{ ...one, selected: false, handler_id: 'other' }, one] } };
  const billed = { ...one, billing_address: { address_country: 'France' } };
  for (const [body, country] of [
    [two, null],
    [{ payment: { instruments: [billed] } }, 'FR'],
  ] as const) {
    await shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, { body, headers: { 'idempotency-key': 'k' } });
    expect(desk.completes.at(-1)?.billingCountry).toBe(country);
  }
});

test('a checkout that lacks something is refused on complete by status', async () => {
  const id = await openCheckout({ line_items: draft.line_items });
  const refused = await complete(id, 'tok_ok');
  expect([refused.status, refused.body.code]).toEqual([400, 'checkout_incomplete']);
});

test('a database that is away is a 503 that says when to come back, and a bug is a 500 that says nothing', async () => {
  desk.failure = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:5432'), { code: 'ECONNREFUSED' });
  const away = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft });
  expect([away.status, away.body.code, away.headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
  expect(away.text).not.toContain('10.1.2.3');
  desk.failure = new Error('a secret at src/somewhere.ts:12');
  const bug = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft, headers: { 'request-id': 'r-1' } });
  expect([bug.status, bug.body.code, bug.body.request_id]).toEqual([500, 'internal', 'r-1']);
  expect(bug.text).not.toMatch(/secret|\.ts|stack/);
});
