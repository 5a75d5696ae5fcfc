import { buildApi } from '../../src/main/wiring.ts';
import { sleepingWaker } from '../../src/messaging/waker.ts';
import { createMetrics } from '../../src/operations/metrics.run.ts';
import type { Inbound } from '../../src/shared/inbound.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { Secret } from '../../src/shared/secret.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';
import type { Answer, Ask } from '../storefront-api/test-storefront.ts';

/** Who may stand before a route, from nobody to the one to whom the thing belongs. */
export const roles = ['nobody', 'unknown', 'revoked', 'other merchant', 'other caller', 'owner'] as const;
export type Role = (typeof roles)[number];

const keys: Readonly<Record<Role, string | null>> = {
  nobody: null,
  unknown: 'key-that-nobody-was-given',
  revoked: 'key-of-the-revoked-caller',
  'other merchant': 'key-of-the-rival',
  'other caller': 'key-other',
  owner: 'key-shop',
};

export const webhookSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

export type TwoMerchants = {
  readonly url: string;
  readonly port: number;
  readonly inbound: Inbound;
  readonly scratch: TestDatabase;
  call(role: Role, method: string, path: string, ask?: Ask): Promise<Answer>;
  stop(): Promise<void>;
};

/**
 * The API with all of its routes, as it is wired for production, with two merchants: `demo` with the callers `shop`,
 * `other` and the revoked `gone`, and `rival`, whose caller is named `shop` too and who sells the same SKU.
 */
export async function startTwoMerchants(): Promise<TwoMerchants> {
  const scratch = await createTestDatabase();
  const { database } = scratch;
  await seedShop(database, { '85123A': 1_000_000, 'DEMO-ONLY': 1_000_000 });
  await database.execute({ text: seedRival });
  const metrics = createMetrics({ database, process: 'api' });
  const inbound = buildApi(
    { database, waker: sleepingWaker, log: silentLogger },
    {
      publicUrl: 'https://checkout.example',
      shopUrl: 'https://shop.example',
      publicMerchantId: null,
      webhookSources: [{ provider: 'simulated', secrets: [new Secret(webhookSecret)] }],
      health: { metrics, readiness: async () => ({ ready: true, checks: [] }) },
    },
  );
  const url = await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    port: Number(new URL(url).port),
    inbound,
    scratch,
    call: (role, method, path, ask = {}) => callWith(keys[role], `${url}${path}`, method, ask),
    stop: async () => {
      await inbound.drain(1_000);
      await scratch.drop();
    },
  };
}

const seedRival = `
  with merchant as (
    insert into merchants (merchant_id, name, currency, country) values ('rival', 'Rival', 'GBP', 'GB')
  ), callers as (
    insert into callers (merchant_id, caller_id, name, api_key_sha256, revoked_at)
    values ('rival', 'shop', 'Rival shop', sha256('key-of-the-rival'), null),
           ('demo', 'gone', 'Gone', sha256('key-of-the-revoked-caller'), now())
  ), sold as (
    insert into products (merchant_id, sku, title, price_minor, currency)
    values ('rival', '85123A', 'Product of the rival', 999, 'GBP'), ('rival', 'RIVAL-ONLY', 'Another', 99, 'GBP')
  )
  insert into stock (merchant_id, sku, received_units)
  values ('rival', '85123A', 1000000), ('rival', 'RIVAL-ONLY', 1000000)`;

async function callWith(key: string | null, url: string, method: string, ask: Ask): Promise<Answer> {
  const text = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(key === null ? {} : { 'x-api-key': key }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...ask.headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && answer !== '';
  return {
    status: response.status,
    headers: response.headers,
    text: answer,
    body: isJson ? JSON.parse(answer) : null,
  };
}

/** An open checkout of the owner's. */
export async function open(shop: TwoMerchants, body: unknown, role: Role = 'owner'): Promise<string> {
  const created = await shop.call(role, 'POST', `${sessions}`, { body });
  if (created.status !== 201) throw new Error(`no checkout: ${created.text}`);
  return created.body.id as string;
}

export const sessions = '/ucp/v2026-04-08/checkout-sessions';
