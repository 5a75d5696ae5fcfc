import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusals } from '../../src/shared/refusals.ts';
import { type RealStorefront, startRealStorefront } from './real-storefront.ts';
import type { Answer } from './test-storefront.ts';
import { draft, openCheckout, payment } from './ucp-requests.ts';

/** Garbage at every route that the server has: a route that is added is tried without being remembered here. */

let shop: RealStorefront;
beforeAll(async () => {
  shop = await startRealStorefront({ '85123A': 1_000_000 });
});
afterAll(async () => {
  await shop.stop();
});

const runsPerRoute = 50;

/** Never a 5xx, never a stack; and what is refused carries a code of the catalogue. */
function judge(answer: Answer): void {
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|\n\s+at /);
  if (answer.status >= 400 && answer.text !== '') {
    expect(Object.keys(refusals)).toContain(answer.body?.code);
    expect(answer.headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
  }
}

const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    'null',
    '\u0000',
    '\ud800',
    '../../etc/passwd',
    "' or 1=1 --",
    '{{7*7}}',
    '😀'.repeat(300),
  ),
  fc.string({ minLength: 250, maxLength: 400 }),
);
const oddValue = fc.oneof(
  oddText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, 0, -1, 1e308, 2 ** 53, 0.1, [], {}, [[]], { __proto__: null }),
);

/** A good request in which one place has been given another value, so that garbage gets past the first check. */
const spoiltRequest = fc
  .tuple(fc.constantFrom<unknown>(draft, payment('tok_ok'), {}), fc.nat(), oddValue, fc.boolean())
  .map(([request, place, value, isRemoved]) => spoil(request, place, value, isRemoved));

function spoil(request: unknown, place: number, value: unknown, isRemoved: boolean): unknown {
  const copy = structuredClone(request);
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect((node as Record<string, unknown>)[key]);
    }
  };
  collect(copy);
  const chosen = places[place % Math.max(1, places.length)];
  if (chosen === undefined) return value;
  const [parent, key] = chosen;
  if (isRemoved) delete parent[key];
  else parent[key] = value;
  return copy;
}

const rawBody = fc.oneof(
  { weight: 4, arbitrary: spoiltRequest.map((value) => JSON.stringify(value) ?? '') },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
);

const headerNames = [
  'idempotency-key',
  'request-id',
  'traceparent',
  'if-match',
  'prefer',
  'ucp-agent',
  'x-api-key',
  'authorization',
  'content-type',
  'accept',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
];
const headerText = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 300 })
  .map((text) => text.trim());
const oddHeaders = fc.dictionary(fc.constantFrom(...headerNames), headerText, { maxKeys: 3 });

const parameter = fc.oneof(fc.constant('own'), fc.uuid(), oddText);
const query = fc.array(
  fc.tuple(fc.constantFrom('q', 'limit', 'cursor', 'sort', 'min_price', 'in_stock', 'x'), oddText),
  {
    maxLength: 3,
  },
);

test('no garbage at any route brings about a 5xx, a stack or a code that is not in the catalogue', async () => {
  const routes = shop.inbound.routes();
  expect(routes.length).toBeGreaterThan(10);
  for (const route of routes) {
    const ask = fc.record({ parameter, query, headers: oddHeaders, raw: rawBody, hasKey: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(ask, async ({ parameter, query, headers, raw, hasKey }) => {
        const path = `${await fill(route.url, parameter)}${queryText(query)}`;
        const key = hasKey ? { 'idempotency-key': crypto.randomUUID() } : {};
        const mayHaveBody = route.method !== 'GET' && route.method !== 'HEAD';
        judge(
          await shop.call(route.method, path, { headers: { ...key, ...headers }, ...(mayHaveBody ? { raw } : {}) }),
        );
      }),
      { numRuns: runsPerRoute },
    );
  }
}, 120_000);

test('no garbage in the path brings about anything but a refusal', async () => {
  const paths = fc.array(fc.oneof(oddText, fc.constantFrom('products', 'ucp', 'v2026-04-08', 'orders')), {
    maxLength: 4,
  });
  const methods = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS');
  await fc.assert(
    fc.asyncProperty(paths, methods, async (parts, method) => {
      const answer = await shop.call(method, `/${parts.map(encoded).join('/')}`);
      judge(answer);
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('a judge of garbage sees a 5xx, a stack and a code from elsewhere', () => {
  const answer = (status: number, body: unknown): Answer => ({
    status,
    headers: new Headers({ 'content-type': 'application/json' }),
    text: JSON.stringify(body),
    body,
  });
  expect(() => judge(answer(500, { code: 'internal' }))).toThrow();
  expect(() => judge(answer(400, { code: 'made_up' }))).toThrow();
  expect(() => judge(answer(200, { text: 'at /src/x.ts:12' }))).toThrow();
  judge(answer(400, { code: 'input_invalid' }));
});

const card = '4242 4242 4242 4242';

test('a card number in any place of any route is refused with its place and without its digits', async () => {
  for (const route of shop.inbound.routes()) {
    if (route.method === 'HEAD') continue;
    const path = await fill(route.url, 'own');
    const asks: [string, string, object][] = [
      [`${path}?note=${encoded(card)}`, 'query:note', {}],
      [`${path}?${encoded(card)}=1`, 'query', {}],
      [path, 'header:idempotency-key', { headers: { 'idempotency-key': card.replaceAll(' ', '-') } }],
      [path, 'header:request-id', { headers: { 'request-id': card.replaceAll(' ', '') } }],
    ];
    if (route.url.includes(':')) asks.push([await fill(route.url, card), '', {}]);
    if (route.method !== 'GET') {
      asks.push([path, '$.a.b[1]', { body: { a: { b: [1, `my ${card}`] } } }]);
      asks.push([path, '$.a', { body: { a: 4242424242424242 } }]);
      asks.push([path, '$', { body: { [card]: 1 } }]);
    }
    for (const [url, place, ask] of asks) {
      const refused = await shop.call(route.method, url, ask);
      expect([route.url, place, refused.status, refused.body?.code]).toEqual([
        route.url,
        place,
        422,
        'card_number_refused',
      ]);
      if (place !== '') expect(refused.body.path).toBe(place);
      expect(refused.text.replace(/[ -]/g, '')).not.toContain('42424242');
      expect([...refused.headers].join(' ').replace(/[ -]/g, '')).not.toContain('42424242');
    }
  }
});

test('a card number in any field of a checkout is refused before anything is stored', async () => {
  const places: unknown[] = [];
  for (let place = 0; place < 40; place += 1) places.push(spoil(draft, place, card, false));
  for (const body of places) {
    const refused = await shop.call('POST', '/ucp/v2026-04-08/checkout-sessions', { body });
    expect([refused.status, refused.body.code]).toEqual([422, 'card_number_refused']);
  }
  const rows = await shop.scratch.database.query({
    text: `select 1 as found from quotes where content::text like '%4242%4242%' limit 1`,
  });
  expect(rows).toEqual([]);
});

/** `own` is an open checkout: what came before may have completed or cancelled the last one. */
async function fill(url: string, parameter: string): Promise<string> {
  if (!url.includes(':')) return url;
  return url.replace(/:[a-z]+/g, parameter === 'own' ? await openCheckout(shop) : encoded(parameter) || 'x');
}

function queryText(pairs: [string, string][]): string {
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${encoded(value)}`).join('&')}`;
}

/** Half of a surrogate pair cannot be percent-encoded; it is left out. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, ''));
}
