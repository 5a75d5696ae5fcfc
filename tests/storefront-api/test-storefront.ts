import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Caller, CheckoutDesk } from '../../src/checkout/desk.ts';
import { machineClock } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type Answered, createInbound, type Inbound } from '../../src/shared/inbound.ts';
import { silentLogger } from '../../src/shared/log.ts';
import type { Queryable } from '../../src/shared/postgres/client.ts';
import { authenticateByKey } from '../../src/storefront-api/callers.run.ts';
import { type StorefrontConfig, simulatedHandler } from '../../src/storefront-api/config.ts';
import { registerStorefront } from '../../src/storefront-api/storefront.http.ts';
import { expectUcpAnswer } from './ucp-schema.ts';

export const ucp = '/ucp/v2026-04-08';
export const apiKey = 'key-of-the-test-shop';
export const caller: Caller = { merchantId: 'demo', callerId: 'shop', currency: 'GBP', country: 'GB' };

export const config: StorefrontConfig = {
  publicUrl: 'http://localhost:8080',
  orderPageUrl: 'https://shop.example/orders',
  checkoutPageUrl: null,
  links: [
    { type: 'privacy_policy', url: 'https://shop.example/privacy' },
    { type: 'terms_of_service', url: 'https://shop.example/terms' },
  ],
  paymentHandlers: [simulatedHandler],
  publicMerchantId: null,
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what a test expects
  readonly body: any;
};

export type Ask = {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly raw?: string | Uint8Array<ArrayBuffer>;
};

export type TestStorefront = {
  readonly url: string;
  readonly inbound: Inbound;
  readonly answered: Answered[];
  /** Calls with the test shop's key. Whatever a UCP route answers is held against the protocol's schemas. */
  call(method: string, path: string, ask?: Ask): Promise<Answer>;
  stop(): Promise<void>;
};

/** A real server on a free port over the given desk. */
export async function startStorefront(options: {
  desk: CheckoutDesk;
  database?: Queryable;
  config?: Partial<StorefrontConfig>;
  inFlightMax?: number;
}): Promise<TestStorefront> {
  const answered: Answered[] = [];
  const inbound = createInbound({
    log: silentLogger,
    newId: newUuid,
    onAnswered: (each) => answered.push(each),
    ...(options.inFlightMax === undefined ? {} : { inFlightMax: options.inFlightMax }),
  });
  const database = options.database ?? { query: async () => [], execute: async () => 0 };
  registerStorefront(inbound, {
    desk: options.desk,
    authenticate: authenticateByKey({ findCaller: findTestCaller, clock: machineClock }),
    database,
    config: { ...config, ...options.config },
  });
  await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = inbound.server.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    inbound,
    answered,
    call: (method, path, ask = {}) => callAs(apiKey, url, method, path, ask),
    stop: () => inbound.drain(1000),
  };
}

const keyHash = createHash('sha256').update(apiKey).digest();

async function findTestCaller(hash: Uint8Array): Promise<Caller | null> {
  return Buffer.from(hash).equals(keyHash) ? caller : null;
}

/** One call with a key. An answer of a UCP route that does not hold against the protocol fails the test. */
export async function callAs(key: string, url: string, method: string, path: string, ask: Ask = {}): Promise<Answer> {
  const text = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
  const response = await fetch(`${url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      'x-api-key': key,
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...ask.headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && answer !== '';
  const body: unknown = isJson ? JSON.parse(answer) : null;
  if (path.startsWith(`${ucp}/`) && method !== 'HEAD') expectUcpAnswer(response.status, body);
  return { status: response.status, headers: response.headers, text: answer, body };
}
