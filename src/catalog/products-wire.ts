import { type Static, Type } from '@sinclair/typebox';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import type { DescribedRoute } from '../shared/inbound/description.ts';
import { limits } from '../shared/limits.ts';
import { amountMinorMax } from '../shared/money.ts';
import { parserOf } from '../shared/schema.ts';
import {
  type Cursor,
  cursorLengthMax,
  decodeCursor,
  encodeCursor,
  type ProductFilter,
  productSorts,
} from './cursor.ts';
import type { ListedProduct, ProductPage } from './products.sql.ts';

/** Query values are text, each with its own rule. A name that is not here is refused, so that no typo is lost. */
const productsQuery = Type.Object(
  {
    q: Type.Optional(
      Type.String({
        maxLength: limits.shortTextMax,
        description: 'Words of the title, as a person types them: `"tea light" -red`.',
      }),
    ),
    min_price: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,14}$', description: 'A whole number of minor units, inclusive.' }),
    ),
    max_price: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,14}$', description: 'A whole number of minor units, inclusive.' }),
    ),
    in_stock: Type.Optional(
      Type.String({ enum: ['true', 'false'], description: 'true: only what could be bought now.' }),
    ),
    sort: Type.Optional(Type.String({ enum: [...productSorts], description: 'By SKU, or by price up or down.' })),
    limit: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,2}$',
        description: `Products per page, at most ${limits.pageSizeMax}; ${limits.pageSizeDefault} if not given.`,
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: cursorLengthMax,
        description: 'The `next_cursor` of the page before, with the same search and order.',
      }),
    ),
  },
  { additionalProperties: false },
);

const product = Type.Object({
  sku: Type.String({ description: 'The `item.id` of a checkout line.' }),
  title: Type.String(),
  price_minor: Type.Integer({ description: 'For one unit, in minor units of the currency.' }),
  currency: Type.String({ description: 'ISO 4217.' }),
  free_units: Type.Integer({ description: 'Units that could be bought now. A hint: the commit decides.' }),
});

const productPage = Type.Object({
  products: Type.Array(product),
  next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page.' }),
});

export type ProductAnswer = Static<typeof product>;
export type ProductPageAnswer = Static<typeof productPage>;

export const describedProducts: readonly DescribedRoute[] = [
  {
    method: 'get',
    path: '/products',
    operationId: 'listProducts',
    summary: 'Search and list the products on sale, page by page',
    key: 'optional',
    query: productsQuery,
    answer: { status: 200, describes: 'A page of products', schema: productPage },
    refusals: ['input_invalid', 'cursor_invalid', 'api_key_missing', 'api_key_unknown', 'card_number_refused'],
  },
  {
    method: 'get',
    path: '/products/{sku}',
    operationId: 'readProduct',
    summary: 'One product on sale',
    key: 'optional',
    pathParameters: { sku: product.properties.sku },
    answer: { status: 200, describes: 'The product', schema: product },
    refusals: ['not_found', 'api_key_missing', 'api_key_unknown', 'card_number_refused'],
  },
];

/** What a query string asks for, or the first parameter that is wrong. */
export type ProductsAsk = {
  readonly filter: ProductFilter;
  readonly after: Cursor | null;
  readonly limit: number;
};

const parseQuery = parserOf(productsQuery, 'query:');

export function parseProductsQuery(query: unknown): Refused | ProductsAsk {
  const parsed = parseQuery(query);
  if (isRefused(parsed)) return parsed;
  const { q, min_price, max_price, in_stock, sort, limit, cursor } = parsed.value;
  const pageSize = limit === undefined ? limits.pageSizeDefault : Number(limit);
  if (pageSize > limits.pageSizeMax) {
    return refuse('input_invalid', `This number must be ${limits.pageSizeMax} or less.`, { path: 'query:limit' });
  }
  const filter: ProductFilter = {
    words: q === undefined || q.trim() === '' ? null : q,
    minPriceMinor: parsePrice(min_price),
    maxPriceMinor: parsePrice(max_price),
    inStockOnly: in_stock === 'true',
    sort: productSorts.find((each) => each === sort) ?? 'sku',
  };
  const after = cursor === undefined ? null : decodeCursor(filter, cursor);
  if (isRefused(after)) return { ...after, path: 'query:cursor' };
  return { filter, after, limit: pageSize };
}

/** No price is above the limit of amounts, so neither need a bound be. */
function parsePrice(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  const amountMinor = BigInt(text);
  return amountMinor > amountMinorMax ? amountMinorMax : amountMinor;
}

export function projectPage(filter: ProductFilter, page: ProductPage): ProductPageAnswer {
  return {
    products: page.products.map(projectProduct),
    next_cursor: page.next === null ? null : encodeCursor(filter, page.next),
  };
}

export function projectProduct(listed: ListedProduct): ProductAnswer {
  return {
    sku: listed.sku,
    title: listed.title,
    price_minor: Number(listed.priceMinor),
    currency: listed.currency,
    free_units: Number(listed.freeUnits),
  };
}
