import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { eventually } from '../harness/shop.ts';
import { callAs, ucp } from '../storefront-api/test-storefront.ts';
import { draft, payment } from '../storefront-api/ucp-requests.ts';
import { openPlantedShop, type PlantedShop } from './planted-shop.ts';
import { head, say } from './wire.ts';

let shop: PlantedShop;
beforeAll(async () => {
  const webhookSecret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  shop = await openPlantedShop({ providerKey: 'a', controlSecret: 'b', webhookSecret }, { '85123A': 1_000 });
});
afterAll(() => shop?.stop());

/** What log.ts allows, with what every line has. */
const always = ['level', 'time', 'process', 'msg'];
const allowed = [
  ...['merchantId', 'callerId', 'orderId', 'checkoutId', 'paymentId', 'messageId', 'requestId', 'traceId', 'queue'],
  ...['type', 'step', 'task', 'party', 'attempt', 'count', 'durationMs', 'delayMs', 'port', 'pid', 'method', 'route'],
  ...['status', 'code', 'reason', 'error'],
];

test('every line of the log is one JSON document of allowed fields in UTC, whatever is sent to break it', async () => {
  const hostile = '"}\n{"level":"error","msg":"forged"}';
  const encoded = encodeURIComponent(hostile);
  const call = (path: string, headers: Record<string, string> = {}) =>
    callAs('key-shop', shop.url, 'GET', path, { headers });
  for (const path of [`/${encoded}`, `/products?q=${encoded}`, `/products/${encoded}`, `${ucp}/orders/${encoded}`]) {
    await call(path, { 'request-id': hostile.replace('\n', ' '), 'user-agent': '%s%n$(id){jndi:ldap://x}' });
  }
  const port = Number(new URL(shop.url).port);
  await say(
    port,
    head('GET /products', ['request-id: a\u001b[31m', 'user-agent: \u001b[31m', 'x-api-key: {"level":1}']),
  );
  const opened = await callAs('key-shop', shop.url, 'POST', `${ucp}/checkout-sessions`, {
    body: { ...draft, buyer: { first_name: hostile, email: 'ada@example.com' } },
  });
  shop.provider(({ token }) => (token === 'tok_ok.slow_9' ? { status: 500, body: hostile } : null));
  await callAs('key-shop', shop.url, 'POST', `${ucp}/checkout-sessions/${opened.body.id}/complete`, {
    body: payment('tok_ok.slow_9'),
    headers: { 'idempotency-key': newUuid() },
  });
  await eventually('the message is tried again', async () => shop.logged().text.includes('will be tried again'));
  shop.provider(() => null);
  const lines = shop.logged().text.trim().split('\n');
  expect(lines.length).toBeGreaterThan(7);
  for (const line of lines) {
    const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(time).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    expect(['error', 'warn', 'info', 'debug']).toContain(level);
    expect(String(msg)).not.toContain('forged');
    expect(Object.keys(rest).filter((name) => ![...always, ...allowed].includes(name))).toEqual([]);
    expect(line).not.toContain('\u001b');
    expect(line).not.toMatch(/jndi|ada@example\.com/);
  }
});

test('every request is logged once with id, trace, route and status, those with a wrong key too', async () => {
  const requestId = `of-the-test-${newUuid()}`;
  const refused = await callAs('a-wrong-key', shop.url, 'GET', '/products', { headers: { 'request-id': requestId } });
  expect(refused.status).toBe(401);
  const line = await eventually(
    'it is logged',
    async () =>
      shop
        .logged()
        .text.split('\n')
        .find((each) => each.includes(requestId)) ?? null,
  );
  expect(JSON.parse(line)).toMatchObject({ requestId, method: 'GET', route: '/products', status: 401 });
  expect(JSON.parse(line).traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(shop.logged().text.split(requestId)).toHaveLength(2);
});

test('bytes that are no request are logged with the code of their refusal and without a word of them', async () => {
  await say(Number(new URL(shop.url).port), head('GET /planted-in-bytes', ['content-length: planted-in-bytes']));
  const line = await eventually(
    'it is logged',
    async () =>
      shop
        .logged()
        .text.split('\n')
        .find((each) => each.includes('HPE_INVALID_CONTENT_LENGTH')) ?? null,
  );
  expect(JSON.parse(line)).toMatchObject({ level: 'info', code: 'header_invalid' });
  expect(shop.logged().text).not.toContain('planted-in-bytes');
});
