import type { Offer } from '../checkout/quote.ts';
import { assert } from '../shared/assert.ts';
import type { Currency } from '../shared/money.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { Cursor, ProductFilter, ProductSort } from './cursor.ts';
import { searchWordsOf } from './search-words.ts';

/** The most products of one page. */
export const productsPageMax = 100;
/** The most SKUs of one question for offers: as many as an order may have lines, asked for at once. */
const offersMax = 1_000;

export type ListedProduct = {
  readonly sku: string;
  readonly title: string;
  readonly priceMinor: bigint;
  readonly currency: Currency;
  /** Units that could be held now. */
  readonly freeUnits: bigint;
};

/** `next` is the place to go on from; null on the last page. */
export type ProductPage = { readonly products: readonly ListedProduct[]; readonly next: Cursor | null };

export type ListProducts = ProductFilter & {
  readonly merchantId: string;
  readonly after: Cursor | null;
  /** 1 to productsPageMax. */
  readonly limit: number;
};

/**
 * One page of the products on sale. Pages are found by key and not by offset: a product that is there for the whole
 * walk, at the same price where the order is by price, is seen exactly once whatever else comes and goes.
 */
export async function listProducts(db: Queryable, ask: ListProducts): Promise<ProductPage> {
  assert(Number.isInteger(ask.limit) && ask.limit >= 1 && ask.limit <= productsPageMax, 'a page within its limit');
  const words = ask.words === null ? null : searchWordsOf(ask.words);
  const rows = await db.query<ListedProduct>({
    // Without a name: PostgreSQL then plans with the values at hand, and conditions that are null cost nothing.
    text: pageBy[ask.sort],
    values: [
      ask.merchantId,
      words?.whole ?? null,
      words?.head ?? null,
      words?.prefix ?? '',
      ask.minPriceMinor,
      ask.maxPriceMinor,
      ask.inStockOnly,
      ask.after?.sku ?? null,
      ask.after?.priceMinor ?? null,
      // One more than asked for tells whether there is a next page.
      ask.limit + 1,
    ],
  });
  const products = rows.slice(0, ask.limit);
  const last = products.at(-1);
  const isMore = rows.length > ask.limit && last !== undefined;
  return { products, next: isMore ? { sku: last.sku, priceMinor: last.priceMinor } : null };
}

/** The offers of these SKUs, in no order; unknown SKUs are missing, inactive products are there and say so. */
export async function readOffers(db: Queryable, merchantId: string, skus: readonly string[]): Promise<Offer[]> {
  assert(skus.length <= offersMax, 'SKUs within their limit');
  return db.query<Offer>({
    name: 'read_offers',
    text: `
      select p.sku, p.title, p.price_minor as "priceMinor", p.currency, p.active,
        coalesce(s.received_units - s.sold_units - s.held_units, 0) as "freeUnits"
      from products p
      left join stock s on s.merchant_id = p.merchant_id and s.sku = p.sku
      where p.merchant_id = $1 and p.sku = any($2::text[])`,
    values: [merchantId, skus],
  });
}

/**
 * The same statement three times, because the order and the key to go on from cannot be parameters.
 *
 * With words, the order is by an expression that no index has: else the planner may walk an index in order and make
 * the words of every row's title until the page is full. On 300,000 products `lant` took 420 ms that way and takes
 * 8 ms by the index on words. Without words the expression folds to the bare column before planning.
 */
const pageBy: Readonly<Record<ProductSort, string>> = {
  sku: `
    select p.sku, p.title, p.price_minor as "priceMinor", p.currency,
      coalesce(s.received_units - s.sold_units - s.held_units, 0) as "freeUnits"
    from products p
    left join stock s on s.merchant_id = p.merchant_id and s.sku = p.sku
    where p.merchant_id = $1 and p.active
      and ($2::text is null or to_tsvector('english', p.title) @@ (websearch_to_tsquery('english', $2::text)
        || (websearch_to_tsquery('english', $3::text) && to_tsquery('english', $4::text))))
      and ($5::bigint is null or p.price_minor >= $5)
      and ($6::bigint is null or p.price_minor <= $6)
      and (not $7::boolean or s.received_units - s.sold_units - s.held_units > 0)
      and ($8::text is null or ($9::bigint is not null and p.sku > $8))
    order by case when $2 is null then p.sku else p.sku || '' end
    limit $10`,
  price: `
    select p.sku, p.title, p.price_minor as "priceMinor", p.currency,
      coalesce(s.received_units - s.sold_units - s.held_units, 0) as "freeUnits"
    from products p
    left join stock s on s.merchant_id = p.merchant_id and s.sku = p.sku
    where p.merchant_id = $1 and p.active
      and ($2::text is null or to_tsvector('english', p.title) @@ (websearch_to_tsquery('english', $2::text)
        || (websearch_to_tsquery('english', $3::text) && to_tsquery('english', $4::text))))
      and ($5::bigint is null or p.price_minor >= $5)
      and ($6::bigint is null or p.price_minor <= $6)
      and (not $7::boolean or s.received_units - s.sold_units - s.held_units > 0)
      and ($8::text is null or (p.price_minor, p.sku) > ($9::bigint, $8))
    order by case when $2 is null then p.price_minor else p.price_minor + 0 end, p.sku
    limit $10`,
  '-price': `
    select p.sku, p.title, p.price_minor as "priceMinor", p.currency,
      coalesce(s.received_units - s.sold_units - s.held_units, 0) as "freeUnits"
    from products p
    left join stock s on s.merchant_id = p.merchant_id and s.sku = p.sku
    where p.merchant_id = $1 and p.active
      and ($2::text is null or to_tsvector('english', p.title) @@ (websearch_to_tsquery('english', $2::text)
        || (websearch_to_tsquery('english', $3::text) && to_tsquery('english', $4::text))))
      and ($5::bigint is null or p.price_minor >= $5)
      and ($6::bigint is null or p.price_minor <= $6)
      and (not $7::boolean or s.received_units - s.sold_units - s.held_units > 0)
      and ($8::text is null or (p.price_minor, p.sku) < ($9::bigint, $8))
    order by case when $2 is null then p.price_minor else p.price_minor + 0 end desc, p.sku desc
    limit $10`,
};
