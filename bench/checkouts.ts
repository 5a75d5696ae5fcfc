import { type Offer, quoteDraft } from '../src/checkout/quote.ts';
import { quoteToJson } from '../src/checkout/quote-json.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { shippingOptions } from '../src/pricing/shipping-rates.ts';
import { newUuid } from '../src/shared/ids.ts';
import { currencyOf } from '../src/shared/money.ts';
import type { Database } from '../src/shared/postgres/client.ts';
import { newDice } from './dice.ts';

export const linesPerOrder = 3;
const country = 'GB';
const batchCheckouts = 1000;

/** A till full of products, as the quote reads them. */
export async function readAllOffers(database: Database, merchantId: string): Promise<Offer[]> {
  const rows = await database.query<Omit<Offer, 'currency' | 'freeUnits'> & { currency: string }>({
    text: `
      select sku, title, price_minor as "priceMinor", currency, active from products
      where merchant_id = $1 and active order by sku`,
    values: [merchantId],
  });
  return rows.map((row) => ({ ...row, currency: currencyOf(row.currency), freeUnits: 0n }));
}

/**
 * Opens checkouts that lack nothing, each with different products (three, if nothing is said) drawn evenly from all,
 * and each of another buyer. They are written set-wise, as rows that do not differ from those that the API writes:
 * opening is not measured.
 */
export async function openCheckouts(
  database: Database,
  offers: readonly Offer[],
  options: {
    readonly count: number;
    readonly seed: number;
    readonly merchantId?: string;
    readonly newId?: () => string;
    readonly linesEach?: number;
  },
): Promise<string[]> {
  const { count, seed, merchantId = demoMerchant.merchantId, newId = newUuid, linesEach = linesPerOrder } = options;
  const dice = newDice(seed);
  const bySku = new Map(offers.map((offer) => [offer.sku, offer]));
  const opened: string[] = [];
  while (opened.length < count) {
    const size = Math.min(batchCheckouts, count - opened.length);
    const checkoutIds = Array.from({ length: size }, newId);
    const contents = checkoutIds.map((id) => contentFor(offers, bySku, id, { dice, linesEach }));
    await insertCheckouts(database, merchantId, checkoutIds, contents);
    opened.push(...checkoutIds);
  }
  return opened;
}

function contentFor(
  offers: readonly Offer[],
  bySku: ReadonlyMap<string, Offer>,
  checkoutId: string,
  draw: { readonly dice: () => number; readonly linesEach: number },
) {
  const part = Math.floor(offers.length / draw.linesEach);
  const lines = Array.from({ length: draw.linesEach }, (_, index) => {
    const offer = offers[index * part + Math.floor(draw.dice() * part)];
    if (offer === undefined) throw new Error('the catalogue is empty');
    return { sku: offer.sku, quantity: 1 };
  });
  const draft = {
    lines,
    buyer: { firstName: 'Ada', lastName: 'Byron', email: `ada-${checkoutId}@example.com` },
    destinations: [{ id: 'home', streetAddress: '1 High St', locality: 'London', postalCode: 'N1 1AA', country }],
    selectedDestinationId: 'home',
    selectedShippingId: 'standard',
  };
  return quoteDraft(draft, bySku, currencyOf('GBP'), shippingOptions(country)).content;
}

async function insertCheckouts(
  database: Database,
  merchantId: string,
  checkoutIds: readonly string[],
  contents: readonly ReturnType<typeof contentFor>[],
): Promise<void> {
  await database.execute({
    text: `
      with input as (
        select * from unnest($1::uuid[], $2::jsonb[], $3::bigint[]) as i(checkout_id, content, total_minor)
      ), opened as (
        insert into checkouts (checkout_id, merchant_id, caller_id, status, quote_version, expires_at)
        select checkout_id, $4, $5, 'open', 1, now() + interval '6 hours' from input
      )
      insert into quotes (checkout_id, version, merchant_id, currency, total_minor, content)
      select checkout_id, 1, $4, 'GBP', total_minor, content from input`,
    values: [
      checkoutIds,
      contents.map(quoteToJson),
      contents.map((content) => content.totalMinor.toString()),
      merchantId,
      demoMerchant.callerId,
    ],
  });
}
