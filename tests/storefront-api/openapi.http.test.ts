import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusals, remarks } from '../../src/shared/refusals.ts';
import { type RealStorefront, startRealStorefront } from './real-storefront.ts';

let shop: RealStorefront;
// biome-ignore lint/suspicious/noExplicitAny: a test reads what a test expects
let description: any;
beforeAll(async () => {
  shop = await startRealStorefront({ S1: 1 });
  description = (await shop.call('GET', '/openapi.json', {}, '')).body;
});
afterAll(async () => {
  await shop.stop();
});

test('the description names every route of our own, and no other', () => {
  const described = Object.entries<object>(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = shop.inbound
    .routes()
    .filter((route) => route.method !== 'HEAD' && !route.url.startsWith('/ucp/'))
    .map((route) => `${route.method} ${route.url.replace(/:([a-z]+)/g, '{$1}')}`);
  expect(described.sort()).toEqual(served.sort());
});

test('the description lists every refusal with its status', () => {
  const listed = Object.fromEntries(
    description['x-refusals'].map((each: { code: string; status: number }) => [each.code, each.status]),
  );
  expect(listed).toEqual(Object.fromEntries(Object.entries(refusals).map(([code, { status }]) => [code, status])));
  expect(description.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(refusals));
});

test('answers and refusals are as the description says', async () => {
  const ajv = new Ajv2020({ strict: false });
  const operation = description.paths['/products'].get;
  const page = await shop.call('GET', '/products');
  expect(ajv.validate(operation.responses[200].content['application/json'].schema, page.body)).toBe(true);
  const refused = await shop.call('GET', '/products?limit=0');
  expect(Object.keys(operation.responses)).toContain(String(refused.status));
  expect(ajv.validate(description.components.schemas.Problem, refused.body)).toBe(true);
  const parameters = operation.parameters.map((each: { name: string }) => each.name);
  expect(parameters).toEqual(['q', 'min_price', 'max_price', 'in_stock', 'sort', 'limit', 'cursor']);
});

test('the description has the version of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(description.info.version).toBe(version);
});

test('the description says that products need a key, and where they need none it says so in words', async () => {
  const keys = [{ ApiKey: [] }, { Bearer: [] }];
  for (const path of ['/products', '/products/{sku}']) {
    expect(description.paths[path].get).toMatchObject({ security: keys });
    expect(description.paths[path].get.description).toBeUndefined();
  }
  const open = await startRealStorefront({ S1: 1 }, { publicMerchantId: 'demo' });
  try {
    const { paths } = (await open.call('GET', '/openapi.json', {}, '')).body;
    for (const path of ['/products', '/products/{sku}']) {
      expect(paths[path].get.security).toEqual([...keys, {}]);
      expect(paths[path].get.description).toContain('The API key is optional');
    }
    expect((await fetch(`${open.url}/products/S1`)).status).toBe(200);
  } finally {
    await open.stop();
  }
});

test('the type of a problem leads to what it means and what to do', async () => {
  const ajv = new Ajv2020({ strict: false });
  const refused = await shop.call('GET', '/products?limit=0');
  const address = new URL(refused.body.type, `${shop.url}/products?limit=0`);
  const page = await fetch(address);
  expect(page.status).toBe(200);
  const entry = await page.json();
  expect(entry).toEqual({ type: refused.body.type, code: 'input_invalid', ...refusals.input_invalid });
  const { responses } = description.paths['/errors/{code}'].get;
  expect(ajv.validate(responses[200].content['application/json'].schema, entry)).toBe(true);
  expect((await fetch(`${shop.url}/errors/order_on_hold`)).status).toBe(200);
  const unknown = await fetch(`${shop.url}/errors/toString`);
  expect([unknown.status, ((await unknown.json()) as { code: string }).code]).toEqual([404, 'not_found']);
});

test('the list of errors holds every refusal and every remark, each at its own address', async () => {
  const { errors } = (await shop.call('GET', '/errors', {}, '')).body as { errors: { code: string; type: string }[] };
  expect(errors.map(({ code }) => code).sort()).toEqual([...Object.keys(refusals), ...Object.keys(remarks)].sort());
  for (const { code, type } of errors) expect((await shop.call('GET', type, {}, '')).body.code).toBe(code);
});

test('every reference in the description leads somewhere', () => {
  const references = [...JSON.stringify(description).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(references.length).toBeGreaterThan(0);
  for (const path of references) {
    expect(
      path.split('/').reduce((node, step) => node?.[step], description),
      path,
    ).toBeDefined();
  }
});
