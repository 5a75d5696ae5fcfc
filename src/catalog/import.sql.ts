import type { Currency } from '../shared/money.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';

/** The merchant's currency, or null if there is no such merchant. */
export async function readMerchantCurrency(db: Queryable, merchantId: string): Promise<Currency | null> {
  const rows = await db.query<{ currency: Currency }>({
    text: 'select currency from merchants where merchant_id = $1',
    values: [merchantId],
  });
  return rows[0]?.currency ?? null;
}

export type ProductRows = {
  readonly merchantId: string;
  readonly currency: Currency;
  readonly skus: readonly string[];
  readonly titles: readonly string[];
  readonly pricesMinor: readonly bigint[];
};

/**
 * Writes a batch of products, in SKU order. Says of each that was created or changed which of the two it was; the rest
 * stood there already just so and is not touched. Whether a product is on sale is left as it is.
 */
export async function upsertProducts(tx: Transaction, batch: ProductRows): Promise<{ created: boolean }[]> {
  return tx.query<{ created: boolean }>({
    name: 'upsert_products',
    // A row version that no transaction has ended or locked has xmax 0: it is new.
    text: `
      insert into products as p (merchant_id, sku, title, price_minor, currency)
      select $1, new.sku, new.title, new.price_minor, $2
      from unnest($3::text[], $4::text[], $5::bigint[]) as new (sku, title, price_minor)
      order by new.sku
      on conflict (merchant_id, sku) do update
        set title = excluded.title, price_minor = excluded.price_minor, currency = excluded.currency, updated_at = now()
        where (p.title, p.price_minor, p.currency)
          is distinct from (excluded.title, excluded.price_minor, excluded.currency)
      returning p.xmax = 0 as created`,
    values: [batch.merchantId, batch.currency, batch.skus, batch.titles, batch.pricesMinor],
  });
}
