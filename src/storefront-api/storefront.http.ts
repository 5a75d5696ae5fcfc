import { Type } from '@sinclair/typebox';
import { registerProducts } from '../catalog/products.http.ts';
import { describedProducts } from '../catalog/products-wire.ts';
import type { CheckoutDesk } from '../checkout/desk.ts';
import { isRefused } from '../shared/failure.ts';
import { describedCatalogue } from '../shared/inbound/catalogue.http.ts';
import type { DescribedRoute } from '../shared/inbound/description.ts';
import type { Inbound } from '../shared/inbound.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { Authenticate } from './callers.run.ts';
import type { StorefrontConfig } from './config.ts';
import { buildOpenApi } from './openapi.ts';
import { registerDiscovery } from './ucp/v2026-04-08/discovery.http.ts';
import { registerUcp } from './ucp/v2026-04-08/routes.http.ts';

export type StorefrontOptions = {
  readonly desk: CheckoutDesk;
  readonly authenticate: Authenticate;
  /** For the list of products. */
  readonly database: Queryable;
  readonly config: StorefrontConfig;
  /** Routes of other rooms on the same server, for the OpenAPI description. */
  readonly described?: readonly DescribedRoute[];
};

/** Everything that buyers and buying agents call. */
export function registerStorefront(inbound: Inbound, options: StorefrontOptions): void {
  const { authenticate, config, database } = options;
  registerDiscovery(inbound.server, config);
  registerUcp(inbound, options);
  registerProducts(inbound.server, {
    database,
    merchantOf: async (request) => {
      const caller = await authenticate(request.headers);
      if (!isRefused(caller)) return caller.merchantId;
      // Looking needs no key where the merchant says so; a key that is wrong is still wrong.
      return caller.code === 'api_key_missing' && config.publicMerchantId !== null ? config.publicMerchantId : caller;
    },
  });
  const products = describedProducts.map((route) => ({ ...route, key: keyForProducts(config) }));
  const routes = [...describedStorefront, ...products, ...describedCatalogue, ...(options.described ?? [])];
  const description = buildOpenApi({ publicUrl: config.publicUrl, routes });
  inbound.server.get('/openapi.json', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return description;
  });
}

/** Looking at products needs no key where a merchant's shop is open to all. */
function keyForProducts(config: StorefrontConfig): DescribedRoute['key'] {
  return config.publicMerchantId === null ? 'required' : 'optional';
}

const describedStorefront: readonly DescribedRoute[] = [
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'readDescription',
    summary: 'This description',
    key: 'none',
    answer: { status: 200, describes: 'An OpenAPI 3.1 document', schema: Type.Unknown() },
    refusals: [],
  },
  {
    method: 'get',
    path: '/.well-known/ucp',
    operationId: 'readCommerceProfile',
    summary: 'What is spoken here of the Universal Commerce Protocol, and where',
    key: 'none',
    answer: { status: 200, describes: 'A business profile of the protocol', schema: Type.Unknown() },
    refusals: [],
  },
];
