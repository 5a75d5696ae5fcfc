import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RealStorefront, startRealStorefront } from '../storefront-api/real-storefront.ts';
import { draft, openCheckout } from '../storefront-api/ucp-requests.ts';
import { head, say } from './wire.ts';

let shop: RealStorefront;
beforeAll(async () => {
  shop = await startRealStorefront({ '85123A': 1_000 });
});
afterAll(() => shop?.stop());

/** Those that anybody may read and that change with a release only. */
const kept = ['/.well-known/ucp', '/openapi.json', '/errors'];

test('every answer tells a browser to run, frame, guess, pass on and keep nothing of it', async () => {
  const id = await openCheckout(shop);
  const asked = shop.inbound.routes().map(({ method, url }) => [method, url.replace(/:[a-z]+/g, id)] as const);
  const odd = [
    ['GET', '/nowhere'],
    ['PATCH', '/products'],
    ['GET', '/%zz'],
    ['OPTIONS', '/products'],
  ] as const;
  for (const [method, path] of [...asked, ...odd]) {
    const body = ['POST', 'PUT'].includes(method) ? { body: draft } : {};
    for (const key of ['key-shop', 'a-wrong-key']) {
      const { headers } = await shop.call(method, path, body, key);
      expect([method, path, headers.get('x-content-type-options')]).toEqual([method, path, 'nosniff']);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      const isKept = headers.get('cache-control') !== 'no-store';
      expect([path, isKept]).toEqual([path, kept.includes(path)]);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('set-cookie')).toBeNull();
      expect(headers.get('server') ?? headers.get('x-powered-by')).toBeNull();
    }
  }
});

test('the answer to what is not HTTP has the same headers', async () => {
  const heard = await say(Number(new URL(shop.url).port), head('GET /products', ['content-length: x']));
  expect(heard).toMatchObject({ statuses: [400], isClosed: true });
  for (const header of ['x-content-type-options: nosniff', 'cache-control: no-store', "default-src 'none'"]) {
    expect(heard.text).toContain(header);
  }
});

test('a page of another site cannot make a browser send what is executed here', async () => {
  const ask = { body: draft, headers: { origin: 'https://evil.example' } };
  const preflight = await shop.call('OPTIONS', '/ucp/v2026-04-08/checkout-sessions', {
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([405, null]);
  // What a form or a script may send without asking first: none of it is JSON, none of it carries a key.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const simple = { ...ask, headers: { ...ask.headers, 'content-type': type } };
    expect((await shop.call('POST', '/ucp/v2026-04-08/checkout-sessions', simple)).status).toBe(415);
  }
});

test('what is safe to repeat changes nothing: GET and HEAD write no row', async () => {
  const id = await openCheckout(shop);
  const before = await rows();
  for (const { method, url } of shop.inbound.routes()) {
    if (method !== 'GET' && method !== 'HEAD') continue;
    await shop.call(method, url.replace(/:[a-z]+/g, id), { headers: { 'idempotency-key': crypto.randomUUID() } });
  }
  expect(await rows()).toEqual(before);
});

/** How many rows each table has, and the newest version of any. */
async function rows(): Promise<unknown[]> {
  const { database } = shop.scratch;
  const tables = await database.query<{ name: string }>({
    text: `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1 limit 100`,
  });
  expect(tables.length).toBeGreaterThan(15);
  const text = (name: string): string =>
    `select count(*) as rows, max(xmin::text::bigint) as newest from ${name} limit 1`;
  return await Promise.all(tables.map(async ({ name }) => [name, await database.query({ text: text(name) })]));
}
