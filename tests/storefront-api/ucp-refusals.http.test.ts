import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMemoryDesk, type MemoryDesk } from './memory-desk.ts';
import { apiKey, startStorefront, type TestStorefront, ucp } from './test-storefront.ts';
import { complete, draft, home, instrument, openCheckout, payment } from './ucp-requests.ts';

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

test('a complete without an Idempotency-Key is refused before anything happens', async () => {
  const id = await openCheckout(shop);
  const before = desk.completes.length;
  const refused = await shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, { body: payment('tok_ok') });
  expect([refused.status, refused.body.code]).toEqual([400, 'idempotency_key_missing']);
  expect(desk.completes).toHaveLength(before);
});

test('keys that are empty, too long or not visible ASCII are refused', async () => {
  for (const key of ['""', 'a b', 'k'.repeat(256), '"open', '"a" "b"', 'schlüssel']) {
    const headers = { 'idempotency-key': Buffer.from(key, 'utf8').toString('latin1') };
    const refused = await shop.call('POST', `${ucp}/checkout-sessions`, { body: draft, headers });
    expect([key, refused.status, refused.body.code]).toEqual([key, 400, 'header_invalid']);
  }
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
  const id = await openCheckout(shop);
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
  const id = await openCheckout(shop, { line_items: draft.line_items });
  const refused = await complete(shop, id, 'tok_ok');
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
