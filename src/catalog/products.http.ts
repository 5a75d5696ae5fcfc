import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { limits } from '../shared/limits.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import { listProducts, readOffers } from './products.sql.ts';
import { parseProductsQuery, projectPage, projectProduct } from './products-wire.ts';

export type ProductsOptions = {
  readonly database: Queryable;
  /** Whose products the request sees. */
  readonly merchantOf: (request: FastifyRequest) => Promise<Refused | string>;
};

/** `GET /products` and `GET /products/{sku}`: what the shop shows. */
export function registerProducts(server: FastifyInstance, { database, merchantOf }: ProductsOptions): void {
  server.get('/products', async (request) => {
    const merchantId = await merchantOf(request);
    if (isRefused(merchantId)) return merchantId;
    const ask = parseProductsQuery(request.query);
    if (isRefused(ask)) return ask;
    const page = await listProducts(database, { ...ask.filter, merchantId, after: ask.after, limit: ask.limit });
    return projectPage(ask.filter, page);
  });

  server.get('/products/:sku', async (request) => {
    const merchantId = await merchantOf(request);
    if (isRefused(merchantId)) return merchantId;
    const { sku } = request.params as { sku: string };
    const offers = sku.length <= limits.skuTextMax ? await readOffers(database, merchantId, [sku]) : [];
    const offer = offers.find((each) => each.active);
    return offer === undefined ? refuse('not_found', 'There is no such product on sale.') : projectProduct(offer);
  });
}
