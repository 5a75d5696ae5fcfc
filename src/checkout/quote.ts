import { amountMinorMax, type Currency, money, sum, times } from '../shared/money.ts';

/**
 * What a buyer is shown and agrees to: lines with prices, the destination, shipping, totals. A quote is immutable;
 * a change of the checkout is a new version (promise 8: the price charged is the price the buyer saw).
 */
export type Quote = {
  readonly version: number;
  readonly currency: Currency;
  readonly content: QuoteContent;
};

export type QuoteContent = {
  readonly lines: readonly QuoteLine[];
  readonly buyer: Buyer | null;
  /** Every address that the caller sent for this checkout. */
  readonly destinations: readonly Destination[];
  readonly selectedDestinationId: string | null;
  readonly selectedShippingId: string | null;
  readonly shippingMinor: bigint;
  readonly subtotalMinor: bigint;
  readonly totalMinor: bigint;
};

export type QuoteLine = {
  /** Stable within the checkout: `li_1`, `li_2`, …. */
  readonly lineId: string;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly unitPriceMinor: bigint;
  readonly totalMinor: bigint;
};

export type Buyer = {
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly email?: string | undefined;
  readonly phoneNumber?: string | undefined;
};

export type Destination = {
  readonly id: string;
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly streetAddress?: string | undefined;
  readonly extendedAddress?: string | undefined;
  readonly locality?: string | undefined;
  readonly region?: string | undefined;
  readonly postalCode?: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly phoneNumber?: string | undefined;
};

/** What the caller asks for: the input of a create or a full replacement. Parsed and limited at the edge. */
export type Draft = {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly buyer: Buyer | null;
  readonly destinations: readonly Destination[];
  readonly selectedDestinationId: string | null;
  readonly selectedShippingId: string | null;
};

/** A product as the price list has it now. */
export type Offer = {
  readonly sku: string;
  readonly title: string;
  readonly priceMinor: bigint;
  readonly currency: Currency;
  readonly active: boolean;
  /** Units that could be held now. A hint when quoting; decided only in the commit. */
  readonly freeUnits: bigint;
};

export type ShippingOption = {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly priceMinor: bigint;
};

/** What the goods of one order may cost: the largest amount, with room for shipping. */
export const subtotalMinorMax = amountMinorMax - 10_000_000n;

/** Whether the lines add up to what one order may cost. A draft that does not must not be quoted. */
export function fitsAnOrder(draft: Draft, offers: ReadonlyMap<string, Offer>): boolean {
  const subtotalMinor = draft.lines.reduce(
    (total, line) => total + (offers.get(line.sku)?.priceMinor ?? 0n) * BigInt(line.quantity),
    0n,
  );
  return subtotalMinor <= subtotalMinorMax;
}

export type Quoted = {
  readonly content: QuoteContent;
  /** Lines of the draft that cannot be bought, by their index in the draft. They are left out of the content. */
  readonly unavailable: readonly { readonly index: number; readonly sku: string }[];
};

/**
 * Prices a draft: lines of one SKU are merged, unknown or inactive products are left out and named. The shipping
 * price is that of the selected option of the selected destination; zero while either is missing.
 */
export function quoteDraft(
  draft: Draft,
  offers: ReadonlyMap<string, Offer>,
  currency: Currency,
  shippingFor: (country: string, subtotalMinor: bigint) => readonly ShippingOption[],
): Quoted {
  const unavailable: { index: number; sku: string }[] = [];
  const quantities = new Map<string, number>();
  draft.lines.forEach((line, index) => {
    const offer = offers.get(line.sku);
    if (offer === undefined || !offer.active || offer.currency !== currency) unavailable.push({ index, sku: line.sku });
    else quantities.set(line.sku, (quantities.get(line.sku) ?? 0) + line.quantity);
  });
  const lines = [...quantities].map(([sku, quantity], index) => quoteLine(sku, quantity, index, offers, currency));
  const subtotalMinor = sum(
    lines.map((line) => money(line.totalMinor, currency)),
    currency,
  ).amountMinor;
  const destination = draft.destinations.find((each) => each.id === draft.selectedDestinationId);
  const options = destination === undefined ? [] : shippingFor(destination.country, subtotalMinor);
  const shipping = options.find((option) => option.id === draft.selectedShippingId);
  const shippingMinor = shipping?.priceMinor ?? 0n;
  const content: QuoteContent = {
    lines,
    buyer: draft.buyer,
    destinations: draft.destinations,
    selectedDestinationId: destination?.id ?? null,
    selectedShippingId: shipping?.id ?? null,
    shippingMinor,
    subtotalMinor,
    totalMinor: money(subtotalMinor + shippingMinor, currency).amountMinor,
  };
  return { content, unavailable };
}

function quoteLine(
  sku: string,
  quantity: number,
  index: number,
  offers: ReadonlyMap<string, Offer>,
  currency: Currency,
): QuoteLine {
  const offer = offers.get(sku);
  const unitPriceMinor = offer?.priceMinor ?? 0n;
  return {
    lineId: `li_${index + 1}`,
    sku,
    title: offer?.title ?? sku,
    quantity,
    unitPriceMinor,
    totalMinor: times(money(unitPriceMinor, currency), quantity).amountMinor,
  };
}

/** The draft that would give this quote again: what a new price list is applied to. */
export function draftOf(content: QuoteContent): Draft {
  return {
    lines: content.lines.map((line) => ({ sku: line.sku, quantity: line.quantity })),
    buyer: content.buyer,
    destinations: content.destinations,
    selectedDestinationId: content.selectedDestinationId,
    selectedShippingId: content.selectedShippingId,
  };
}

/** What still lacks before the checkout can be completed; empty when it is ready. */
export type Lack = 'lines' | 'email' | 'destination' | 'shipping';

export function lacksOf(content: QuoteContent): readonly Lack[] {
  const lacks: Lack[] = [];
  if (content.lines.length === 0) lacks.push('lines');
  if (!content.buyer?.email) lacks.push('email');
  if (content.selectedDestinationId === null) lacks.push('destination');
  else if (content.selectedShippingId === null) lacks.push('shipping');
  return lacks;
}

export function selectedDestination(content: QuoteContent): Destination | null {
  return content.destinations.find((each) => each.id === content.selectedDestinationId) ?? null;
}
