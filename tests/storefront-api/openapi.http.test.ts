import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refusals } from '../../src/shared/refusals.ts';
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
