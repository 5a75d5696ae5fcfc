import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import type { Ask } from '../storefront-api/test-storefront.ts';
import { draft, payment } from '../storefront-api/ucp-requests.ts';
import {
  open,
  type Role,
  roles,
  sessions,
  startTwoMerchants,
  type TwoMerchants,
  webhookSecret,
} from './two-merchants.ts';

/** Every route of the running server against everybody who may stand before it. */

let shop: TwoMerchants;
let orderId: string;
beforeAll(async () => {
  shop = await startTwoMerchants();
  const complete = `${sessions}/${await open(shop, buyable)}/complete`;
  const completed = await shop.call('owner', 'POST', complete, { body: payment('tok_ok'), headers: once() });
  orderId = completed.body.order.id;
});
afterAll(() => shop?.stop());

const once = (): Record<string, string> => ({ 'idempotency-key': newUuid() });
const buyable = { ...draft, buyer: { email: 'ada@example.com' } };

type Row = {
  /** A request for a thing of the owner's; made anew for each role. */
  readonly ask: () => Promise<readonly [path: string, ask?: Ask]>;
  readonly gets: Readonly<Record<Role, number>>;
};

const statuses = (first3: readonly number[], otherMerchant: number, otherCaller: number, owner: number) => {
  const [nobody = 0, unknown = 0, revoked = 0] = first3;
  return { nobody, unknown, revoked, 'other merchant': otherMerchant, 'other caller': otherCaller, owner };
};
const closed = [401, 401, 401] as const;
/** For those who hold a good key of any merchant. */
const keyHolders = (status: number) => statuses(closed, status, status, status);
/** For the one caller to whom the thing belongs; for everybody else it does not exist. */
const ownerOnly = statuses(closed, 404, 404, 200);
/** For a merchant's callers: the catalogue is shared among them. */
const merchantOnly = statuses(closed, 404, 200, 200);
const anybody = statuses([200, 200, 200], 200, 200, 200);
/** An API key opens nothing here: only a signature does. */
const signedOnly = statuses(closed, 401, 401, 401);

const at = (path: string) => async () => [path] as const;
const checkout = async () => [`${sessions}/${await open(shop, buyable)}`] as const;
const order = async () => [`/ucp/v2026-04-08/orders/${orderId}`] as const;

const table: Readonly<Record<string, Row>> = {
  [`POST ${sessions}`]: { ask: async () => [sessions, { body: draft }], gets: keyHolders(201) },
  [`GET ${sessions}/:id`]: { ask: checkout, gets: ownerOnly },
  [`HEAD ${sessions}/:id`]: { ask: checkout, gets: ownerOnly },
  [`PUT ${sessions}/:id`]: { ask: async () => [...(await checkout()), { body: draft }], gets: ownerOnly },
  [`POST ${sessions}/:id/complete`]: {
    async ask() {
      const [path] = await checkout();
      return [`${path}/complete`, { body: payment('tok_ok'), headers: once() }];
    },
    gets: ownerOnly,
  },
  [`POST ${sessions}/:id/cancel`]: { ask: async () => [`${(await checkout())[0]}/cancel`], gets: ownerOnly },
  'GET /ucp/v2026-04-08/orders/:id': { ask: order, gets: ownerOnly },
  'HEAD /ucp/v2026-04-08/orders/:id': { ask: order, gets: ownerOnly },
  'GET /products': { ask: at('/products'), gets: keyHolders(200) },
  'HEAD /products': { ask: at('/products'), gets: keyHolders(200) },
  'GET /products/:sku': { ask: at('/products/DEMO-ONLY'), gets: merchantOnly },
  'HEAD /products/:sku': { ask: at('/products/DEMO-ONLY'), gets: merchantOnly },
  'POST /webhooks/:provider': {
    ask: async () => ['/webhooks/simulated', { body: { id: 'evt_1', type: 'a', data: { id: 'b', reference: 'c' } } }],
    gets: signedOnly,
  },
  'GET /.well-known/ucp': { ask: at('/.well-known/ucp'), gets: anybody },
  'HEAD /.well-known/ucp': { ask: at('/.well-known/ucp'), gets: anybody },
  'GET /openapi.json': { ask: at('/openapi.json'), gets: anybody },
  'HEAD /openapi.json': { ask: at('/openapi.json'), gets: anybody },
  'GET /errors': { ask: at('/errors'), gets: anybody },
  'HEAD /errors': { ask: at('/errors'), gets: anybody },
  'GET /errors/:code': { ask: at('/errors/out_of_stock'), gets: anybody },
  'HEAD /errors/:code': { ask: at('/errors/out_of_stock'), gets: anybody },
  'GET /livez': { ask: at('/livez'), gets: anybody },
  'HEAD /livez': { ask: at('/livez'), gets: anybody },
  'GET /readyz': { ask: at('/readyz'), gets: anybody },
  'HEAD /readyz': { ask: at('/readyz'), gets: anybody },
  'GET /metrics': { ask: at('/metrics'), gets: anybody },
  'HEAD /metrics': { ask: at('/metrics'), gets: anybody },
};

/** What stands on one side only. */
function unmatched(rows: readonly string[], routes: readonly string[]): string[] {
  return [...routes.filter((each) => !rows.includes(each)), ...rows.filter((each) => !routes.includes(each))];
}
const routesOf = (server: TwoMerchants): string[] =>
  server.inbound.routes().map(({ method, url }) => `${method} ${url}`);

test('every route of the server has its row of roles, and every row has its route', () => {
  expect(unmatched(Object.keys(table), routesOf(shop))).toEqual([]);
  expect(unmatched(Object.keys(table), [...routesOf(shop), 'GET /admin'])).toEqual(['GET /admin']);
  expect(unmatched([...Object.keys(table), 'GET /gone'], routesOf(shop))).toEqual(['GET /gone']);
});

describe('what each role gets of', () => {
  for (const [route, { ask, gets }] of Object.entries(table)) {
    test(`${route} is what the table says`, async () => {
      const [method = ''] = route.split(' ');
      const got: Partial<Record<Role, number>> = {};
      for (const role of roles) {
        const [path, more] = await ask();
        got[role] = (await shop.call(role, method, path, more)).status;
      }
      expect(got).toEqual(gets);
    });
  }
});

test('no role can use a method that a route does not have', async () => {
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  const urls = [...new Set(shop.inbound.routes().map(({ url }) => url))];
  for (const url of urls) {
    for (const method of methods.filter((each) => !routesOf(shop).includes(`${each} ${url}`))) {
      for (const role of ['nobody', 'owner'] as const) {
        const { status } = await shop.call(role, method, url.replace(/:[a-z]+/g, orderId));
        expect([method, url, role, status]).toEqual([method, url, role, 405]);
      }
    }
  }
});

test('a key that was revoked reads like one that never was', async () => {
  const [revoked, unknown] = await Promise.all([
    shop.call('revoked', 'GET', '/products'),
    shop.call('unknown', 'GET', '/products'),
  ]);
  expect({ ...revoked.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' });
});

test('a key is taken from its two headers and from nowhere else', async () => {
  const bearer = await shop.call('nobody', 'GET', '/products', { headers: { authorization: 'bearer key-shop' } });
  expect(bearer.status).toBe(200);
  const elsewhere: Record<string, Ask & { path?: string }> = {
    query: { path: '/products?api_key=key-shop&x-api-key=key-shop' },
    cookie: { headers: { cookie: 'x-api-key=key-shop; authorization=Bearer key-shop' } },
    basic: { headers: { authorization: `Basic ${Buffer.from('key-shop:').toString('base64')}` } },
    scheme: { headers: { authorization: 'key-shop' } },
    'a bearer in the other header': { headers: { 'x-api-key': 'Bearer key-shop' } },
    'upper case': { headers: { 'x-api-key': 'KEY-SHOP' } },
    'a key and more': { headers: { 'x-api-key': 'key-shop, key-other' } },
    'its hash': { headers: { 'x-api-key': '\\x6b65792d73686f70' } },
  };
  for (const [where, { path = '/products', ...ask }] of Object.entries(elsewhere)) {
    const { status, body } = await shop.call('nobody', 'GET', path, ask);
    expect([where, status, body.code.startsWith('api_key')]).toEqual([where, 401, true]);
  }
});

test('a webhook is let in by its signature, whoever brings it and with whatever key', async () => {
  const raw = JSON.stringify({ id: 'evt_1', type: 'authorisation.voided', data: { id: 'auth_1', reference: 'none' } });
  for (const role of roles) {
    const now = new Date();
    const headers = {
      'webhook-id': `evt_${newUuid()}`,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
      'webhook-signature': '',
    };
    headers['webhook-signature'] = new Webhook(webhookSecret).sign(headers['webhook-id'], now, raw);
    expect((await shop.call(role, 'POST', '/webhooks/simulated', { raw, headers })).status).toBe(202);
    const forged = { ...headers, 'webhook-id': `evt_${newUuid()}` };
    expect((await shop.call(role, 'POST', '/webhooks/simulated', { raw, headers: forged })).status).toBe(401);
    expect((await shop.call(role, 'POST', '/webhooks/another', { raw, headers })).status).toBe(404);
  }
});
