import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { byText, int8, type Statements, statement } from '../statement.ts';

/** src/catalog/products.sql.ts and src/catalog/import.sql.ts */
export const ofCatalog: Statements = {
  read_offers: statement<[string, string[]]>((run, [merchantId, skus]) =>
    run
      .rows('products', { is: (product) => product.merchant_id === merchantId && skus.includes(product.sku) })
      .map((product) => {
        const { merchantId: _, ...offer } = offerOf(run, {
          ...product,
          ...run.row('stock', [merchantId, product.sku]),
        });
        return offer;
      }),
  ),

  upsert_products: statement<[string, string, string[], string[], bigint[]]>(
    (run, [merchant_id, currency, skus, titles, pricesMinor]) => {
      const fresh = skus.map((sku, index) => {
        return { merchant_id, sku, title: titles[index] ?? '', price_minor: int8(pricesMinor[index] ?? 0n), currency };
      });
      fresh.sort((left, right) => byText(left.sku, right.sku));
      return fresh.flatMap((product) => {
        let created = true;
        const { title, price_minor } = product;
        const written = run.insert('products', product, {
          on: 'primary',
          update(before) {
            created = false;
            const isSame = before.title === title && before.price_minor === price_minor && before.currency === currency;
            return isSame ? null : { title, price_minor, currency, updated_at: run.now };
          },
        });
        return written === null ? [] : [{ created }];
      });
    },
  ),
};

type StockOf = Partial<Pick<Row<'stock'>, 'received_units' | 'sold_units' | 'held_units'>>;

/** What the SKU costs now and how much of it is free. The stock is the row that the statement holds, or sees. */
export function offerOf(run: Running, stock: StockOf & { readonly merchant_id: string; readonly sku: string }) {
  const { merchant_id, sku, received_units = 0n, sold_units = 0n, held_units = 0n } = stock;
  const [product] = run.rows('products', { key: [merchant_id, sku] });
  return {
    merchantId: merchant_id,
    sku,
    title: product?.title,
    priceMinor: product?.price_minor,
    currency: product?.currency,
    active: product?.active,
    freeUnits: received_units - sold_units - held_units,
  };
}
