import { expect, test } from 'vitest';
import { requestHash, toldBy } from './answers.ts';
import { createHistory } from './history.ts';

const call = {
  client: 'buyer',
  operation: 'complete',
  idempotencyKey: 'key',
  requestSha256: 'hash',
  checkoutId: 'checkout',
  seenTotalMinor: 5n,
} as const;
const lost = { kind: 'unknown', reason: 'ECONNRESET' } as const;
const refused = { kind: 'refused', code: 'out_of_stock', answerSha256: 'answer' } as const;

test('a history keeps calls in the order of their beginning, whatever the order of their ends', () => {
  const history = createHistory();
  const endFirst = history.begin(call);
  const endSecond = history.begin({ ...call, client: 'other' });
  endSecond(lost);
  history.begin(call);
  endFirst(refused);
  endFirst(lost);
  expect(
    history
      .calls()
      .map(({ number, client, outcome, begunWhenEnded }) => [number, client, outcome.kind, begunWhenEnded]),
  ).toEqual([
    [1, 'buyer', 'refused', 3],
    [2, 'other', 'unknown', 2],
    [3, 'buyer', 'unknown', undefined],
  ]);
});

const checkout = (status: string, more: object = {}) => ({
  ucp: { status: 'success' },
  id: 'chk_1',
  status,
  totals: [
    { type: 'subtotal', amount: 4 },
    { type: 'total', amount: 9 },
  ],
  ...more,
});

test('an answer is what the wire says: an order, a refusal, or nothing that is known', () => {
  const told = (status: number, body: Record<string, unknown> | null) =>
    toldBy('complete', status, '"v2"', body).outcome;
  const committed = told(200, checkout('complete_in_progress', { order: { id: 'ord_7' } }));
  expect(committed).toMatchObject({ kind: 'ok', orderId: '7', shownCheckoutId: '1', totalMinor: 9n });
  const messages = [
    { type: 'error', code: 'missing' },
    { type: 'error', code: 'item_unavailable' },
  ];
  expect(told(200, checkout('incomplete', { messages }))).toMatchObject({ kind: 'refused', code: 'item_unavailable' });
  const declined = checkout('ready_for_complete', { messages: [{ type: 'warning', code: 'payment_failed' }] });
  expect(told(200, declined)).toMatchObject({ kind: 'refused', code: 'payment_failed' });
  expect(told(409, { code: 'idempotency_key_reused' })).toMatchObject({
    kind: 'refused',
    code: 'idempotency_key_reused',
  });
  for (const [status, body] of [
    [503, { code: 'overloaded' }],
    [500, null],
    [429, {}],
    [409, { code: 'idempotency_key_in_flight' }],
    [200, null],
    [200, {}],
  ] as const) {
    expect(told(status, body), `${status} ${JSON.stringify(body)}`).toMatchObject({ kind: 'unknown' });
  }
});

test('a checkout is shown with its version and total, also when a complete of it is refused', () => {
  const { checkout: shown } = toldBy('complete', 200, '"v2"', checkout('incomplete', { messages: [] }));
  expect(shown).toEqual({ checkoutId: '1', version: 2, totalMinor: 9n, status: 'incomplete' });
});

test('answers differ by what they say and not by the id of the request', () => {
  const hash = (body: Record<string, unknown>) => {
    const { outcome } = toldBy('complete', 409, null, body);
    return 'answerSha256' in outcome ? outcome.answerSha256 : null;
  };
  const first = hash({ code: 'checkout_not_open', content: 'a', request_id: '1' });
  expect(hash({ content: 'a', request_id: '2', code: 'checkout_not_open' })).toBe(first);
  expect(hash({ code: 'checkout_not_open', content: 'b', request_id: '1' })).not.toBe(first);
});

test('a request is the same whatever the order of its fields, and another one for another checkout', () => {
  const request = { method: 'POST', operation: 'complete', checkoutId: '1', body: { a: 1, b: [2] } };
  expect(requestHash({ ...request, body: { b: [2], a: 1 } })).toBe(requestHash(request));
  expect(requestHash({ ...request, checkoutId: '2' })).not.toBe(requestHash(request));
  expect(requestHash(request)).toMatch(/^[0-9a-f]{64}$/);
});
