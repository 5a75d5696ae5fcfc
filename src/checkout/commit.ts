import type { OrderStatus } from '../orders/order.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import { type Currency, money, show } from '../shared/money.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import { type Lack, lacksOf, type Offer, type Quote, type QuoteContent } from './quote.ts';

/** A request to commit one checkout, as the desk hands it on. */
export type CommitRequest = {
  readonly merchantId: string;
  readonly callerId: string;
  readonly checkoutId: string;
  readonly idempotencyKey: string;
  readonly requestSha256: Uint8Array;
  readonly provider: string;
  readonly token: { reveal(): string };
  readonly billingCountry: string | null;
  /** The merchant's country: what shipping costs depends on it. */
  readonly shipsFrom: string;
  readonly seenVersion: number | null;
  /** The version at the first look of a commit that collided; set by the commit itself. */
  readonly firstVersion?: number | null;
  /** What requests that met over one checkout have of it together; one of its own, if there were none. */
  readonly firstLook?: FirstLook;
  readonly traceparent: string | null;
};

/** The version of a checkout when it was looked at for the first time; null until then. */
export type FirstLook = { version: number | null };

/** What is stored under a key: enough to give the first answer again, word for word. */
export type StoredOutcome =
  | { readonly outcome: 'committed'; readonly orderId: string; readonly version: number }
  | { readonly outcome: 'refused'; readonly refusal: Refused; readonly version: number };

/** An outcome, and what there is to show of it where the commit has read that; else it is to be read. */
export type CommitOutcome = StoredOutcome & {
  readonly shown: { readonly quote: Quote; readonly expiresAt: Date } | null;
};

/** The checkout as it stands when the commit looks at it. */
export type OpenCheckout = {
  readonly checkoutId: string;
  readonly merchantId: string;
  readonly callerId: string;
  readonly status: 'open' | 'completing' | 'cancelled';
  readonly isExpired: boolean;
  readonly quote: Quote;
  /** The order of its latest commit. */
  readonly order: {
    readonly orderId: string;
    readonly status: OrderStatus;
    readonly cancelCode: RefusalCode | null;
  } | null;
};

export type KnownKey = { readonly requestSha256: Uint8Array; readonly outcome: StoredOutcome };

export type CommitDecision =
  /** The key is known: its answer again. */
  | { readonly decision: 'replay'; readonly outcome: StoredOutcome }
  /** Not decided under the key: the same key may be used again for a mended request. */
  | { readonly decision: 'reject'; readonly refusal: Refused }
  /** Decided under the key for ever. With the prices of now, if they are the reason. */
  | { readonly decision: 'refuse'; readonly refusal: Refused; readonly newContent: QuoteContent | null }
  | { readonly decision: 'commit'; readonly checkout: OpenCheckout };

/** What a batch has left of each SKU while its requests are decided in order of arrival. */
export type FreeUnits = Map<string, bigint>;

/**
 * Turns a quote into an order, once per commit key. The caller may retry for ever: the same key and body always get the
 * same answer, another body under the same key is refused, and a checkout has at most one order that is alive, whatever
 * the keys are. Takes the units from `free` when it commits.
 */
export function decideCommit(
  request: CommitRequest,
  checkout: OpenCheckout | null,
  known: KnownKey | null,
  offers: ReadonlyMap<string, Offer>,
  free: FreeUnits,
  requote: (content: QuoteContent) => QuoteContent,
): CommitDecision {
  if (known !== null) {
    if (sameBytes(known.requestSha256, request.requestSha256)) return { decision: 'replay', outcome: known.outcome };
    return reject('idempotency_key_reused', 'This Idempotency-Key was used for another request. Use a new key.');
  }
  if (checkout === null || !isOwn(checkout, request)) {
    return reject('not_found', 'There is no such checkout under this key.');
  }
  const notOpen = whyNotOpen(checkout);
  // Decided for good, like what follows: a retry of this key must not buy what has become of the checkout since.
  if (notOpen !== null) return { decision: 'refuse', refusal: notOpen, newContent: null };
  const { quote } = checkout;
  if (request.seenVersion !== null && request.seenVersion !== quote.version) {
    return reject(
      'quote_changed',
      `The checkout is at version ${quote.version}, not ${request.seenVersion}. Read it again.`,
    );
  }
  // Without If-Match a retry could not say which version it means, so this is decided under the key.
  if ((request.firstVersion ?? quote.version) !== quote.version) {
    return decided('quote_changed', `The checkout changed to version ${quote.version} meanwhile. Read it again.`);
  }
  if (checkout.isExpired) return decided('checkout_expired', 'The checkout has expired. Create a new one.');
  const lacks = lacksOf(quote.content);
  if (lacks.length > 0) return refuseLacks(request, describeLacks(lacks));
  return priceRefusal(quote, offers, requote) ?? stockRefusal(quote, free) ?? take(checkout, free);
}

/**
 * A copy of this request may still be on its way. What is added meanwhile changes the total, and without If-Match the
 * copy could not say that it does not mean that: so the refusal is its answer, too.
 */
function refuseLacks(request: CommitRequest, message: string): CommitDecision {
  const code = 'checkout_incomplete';
  return request.seenVersion === null ? decided(code, message) : reject(code, message);
}

/** Whether a checkout is the caller's own: that of another merchant or caller does not exist for it. */
export function isOwn(
  checkout: Pick<OpenCheckout, 'merchantId' | 'callerId'>,
  caller: { readonly merchantId: string; readonly callerId: string },
): boolean {
  return checkout.merchantId === caller.merchantId && checkout.callerId === caller.callerId;
}

/** Whether an order that ended so leaves its checkout open for another payment. */
export function opensAgain(cancelCode: RefusalCode | null): boolean {
  return cancelCode === 'payment_failed' || cancelCode === 'payment_timed_out';
}

/** Why nothing can be changed about a checkout (any more); null while it is open. */
export function whyNotOpen(checkout: OpenCheckout): Refused | null {
  const { order } = checkout;
  if (checkout.status === 'cancelled')
    return refuse('checkout_not_open', 'The checkout was cancelled. Create a new one.');
  if (order === null) return null;
  if (order.status !== 'cancelled') {
    return refuse('checkout_not_open', 'The checkout has an order already. Read the checkout to see how it stands.');
  }
  if (opensAgain(order.cancelCode)) return null;
  return refuse('checkout_not_open', 'The order of this checkout was refused. Create a new checkout.');
}

const lackTexts: Readonly<Record<Lack, string>> = {
  lines: 'Add at least one line item.',
  email: 'Add the e-mail address of the buyer.',
  destination: 'Fulfillment address and option must be selected: add a destination and select it.',
  shipping: 'Fulfillment address and option must be selected: select an option of the group.',
};

export function describeLacks(lacks: readonly Lack[]): string {
  return lacks.map((lack) => lackTexts[lack]).join(' ');
}

function priceRefusal(
  quote: Quote,
  offers: ReadonlyMap<string, Offer>,
  requote: (content: QuoteContent) => QuoteContent,
): CommitDecision | null {
  const { lines } = quote.content;
  const gone = lines.flatMap((line, index) => {
    const offer = offers.get(line.sku);
    return offer === undefined || !offer.active ? [{ index, sku: line.sku }] : [];
  });
  const newContent = requote(quote.content);
  if (gone.length > 0) {
    const names = gone.map((line) => line.sku).join(', ');
    return decided('item_unavailable', `No longer sold: ${names}.`, { lines: gone }, newContent);
  }
  const changed = lines.flatMap((line, index) => {
    const priceMinor = offers.get(line.sku)?.priceMinor ?? line.unitPriceMinor;
    if (priceMinor === line.unitPriceMinor) return [];
    return [{ index, sku: line.sku, quotedMinor: line.unitPriceMinor.toString(), currentMinor: priceMinor.toString() }];
  });
  // Shipping rates may change as well; whatever the reason, the buyer pays the total that was quoted or nothing.
  if (changed.length === 0 && newContent.totalMinor === quote.content.totalMinor) return null;
  const text = changed.map(
    (each) =>
      `${each.sku} was ${price(each.quotedMinor, quote.currency)} and is ${price(each.currentMinor, quote.currency)}`,
  );
  const [oldTotal, newTotal] = [quote.content, newContent].map((each) => show(money(each.totalMinor, quote.currency)));
  const total = `The total was ${oldTotal} and is ${newTotal}.`;
  return decided('price_changed', `${[...text, ''].join('. ')}${total}`, { lines: changed }, newContent);
}

function price(minor: string, currency: Currency): string {
  return show(money(BigInt(minor), currency));
}

function stockRefusal(quote: Quote, free: FreeUnits): CommitDecision | null {
  const short = quote.content.lines.flatMap((line, index) => {
    const available = free.get(line.sku) ?? 0n;
    return available >= BigInt(line.quantity)
      ? []
      : [{ index, sku: line.sku, wanted: line.quantity, available: Number(available) }];
  });
  if (short.length === 0) return null;
  const text = short.map((line) => `${line.sku}: ${line.wanted} wanted, ${line.available} available`).join('; ');
  return decided('out_of_stock', `Not enough stock. ${text}.`, { lines: short });
}

function take(checkout: OpenCheckout, free: FreeUnits): CommitDecision {
  for (const line of checkout.quote.content.lines)
    free.set(line.sku, (free.get(line.sku) ?? 0n) - BigInt(line.quantity));
  return { decision: 'commit', checkout };
}

function reject(code: RefusalCode, message: string): CommitDecision {
  return { decision: 'reject', refusal: refuse(code, message) };
}

function decided(
  code: RefusalCode,
  message: string,
  details?: Record<string, unknown>,
  newContent: QuoteContent | null = null,
): CommitDecision {
  return { decision: 'refuse', refusal: refuse(code, message, details === undefined ? {} : { details }), newContent };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
