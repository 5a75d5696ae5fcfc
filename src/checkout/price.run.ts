import { readOffers } from '../catalog/products.sql.ts';
import { shippingOptions } from '../pricing/shipping-rates.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import { currencyOf, money, show } from '../shared/money.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import type { Caller, Notice } from './desk.ts';
import { type Draft, fitsAnOrder, type Offer, type Quoted, quoteDraft, subtotalMinorMax } from './quote.ts';

/**
 * Prices a draft with the price list of now, and says what cannot be bought. Stock is only hinted at here: it is
 * decided in the commit. Refused with `amount_too_large` when the lines add up to more than an order may be.
 */
export async function priceDraft(
  database: Queryable,
  caller: Caller,
  draft: Draft,
): Promise<Refused | { quoted: Quoted; notices: Notice[] }> {
  const skus = [...new Set(draft.lines.map((line) => line.sku))];
  const listed = await readOffers(database, caller.merchantId, skus);
  const offers = new Map(listed.map((offer) => [offer.sku, offer]));
  const tooLarge = refuseTooLarge(caller, draft, offers);
  if (tooLarge !== null) return tooLarge;
  const quoted = quoteDraft(draft, offers, currencyOf(caller.currency), shippingOptions(caller.country));
  return { quoted, notices: [...goneNotices(quoted), ...shortNotices(quoted, offers)] };
}

/** The refusal of a draft of which nothing can be bought. */
export function nothingBuyable(quoted: Quoted): Refused {
  const skus = quoted.unavailable.map((each) => each.sku);
  return refuse('item_unavailable', `Not sold here: ${skus.join(', ')}. Item not found.`, { details: { skus } });
}

function refuseTooLarge(caller: Caller, draft: Draft, offers: ReadonlyMap<string, Offer>): Refused | null {
  if (fitsAnOrder(draft, offers)) return null;
  const most = show(money(subtotalMinorMax, currencyOf(caller.currency)));
  const message = `The lines add up to more than ${most}. Order less at once.`;
  return refuse('amount_too_large', message, { path: '$.line_items' });
}

function goneNotices(quoted: Quoted): Notice[] {
  return quoted.unavailable.map(({ index, sku }) => ({
    refusal: refuse('item_unavailable', `${sku} is not sold and was left out.`, {
      path: `$.line_items[${index}]`,
      details: { sku },
    }),
    weight: 'informs',
  }));
}

function shortNotices(quoted: Quoted, offers: ReadonlyMap<string, Offer>): Notice[] {
  return quoted.content.lines.flatMap((line, index): Notice[] => {
    const free = offers.get(line.sku)?.freeUnits ?? 0n;
    if (free >= BigInt(line.quantity)) return [];
    const message = `Not enough stock. ${line.sku}: ${line.quantity} wanted, ${free} available.`;
    const path = `$.line_items[${index}]`;
    return [{ refusal: refuse('out_of_stock', message, { path, details: { sku: line.sku } }), weight: 'blocks' }];
  });
}
