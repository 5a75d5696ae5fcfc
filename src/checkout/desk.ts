import type { OrderView } from '../orders/order.ts';
import type { Refused } from '../shared/failure.ts';
import type { Secret } from '../shared/secret.ts';
import type { Draft, Quote, ShippingOption } from './quote.ts';

/**
 * The checkout desk: what a wire protocol may ask of the checkout. Protocols (UCP today) are thin projections over
 * this type; they add no rules of their own. Every call is scoped to one caller of one merchant.
 */
export type CheckoutDesk = {
  /** Opens a checkout. Refused with `item_unavailable` if nothing of the draft can be bought. */
  create(caller: Caller, draft: Draft, key: RequestKey | null): Promise<Refused | CheckoutView>;
  read(caller: Caller, checkoutId: string): Promise<Refused | CheckoutView>;
  /** Replaces the whole content by the draft, as a new quote version. */
  update(caller: Caller, checkoutId: string, draft: Draft, key: RequestKey | null): Promise<Refused | CheckoutView>;
  /** Commits the order, or says why not. The first answer under a key is given for ever. */
  complete(caller: Caller, checkoutId: string, request: CompleteRequest): Promise<Refused | CheckoutView>;
  /** Ends an open checkout. Cancelling twice is done once; a checkout whose order is alive is refused. */
  cancel(caller: Caller, checkoutId: string, key: RequestKey | null): Promise<Refused | CheckoutView>;
  readOrder(caller: Caller, orderId: string): Promise<Refused | OrderView>;
};

/** Who calls, as the API key says. `currency` and `country` are the merchant's. */
export type Caller = {
  readonly merchantId: string;
  readonly callerId: string;
  readonly currency: string;
  readonly country: string;
};

/** The caller's idempotency key with the hash of the canonical request (method, resource and body). */
export type RequestKey = { readonly key: string; readonly requestSha256: Uint8Array };

export type CompleteRequest = {
  readonly key: RequestKey;
  /** The provider's token of the payment method. */
  readonly token: Secret;
  /** The payment handler that made the token: the provider's name. */
  readonly provider: string;
  /** ISO 3166-1 alpha-2 of the billing address, if one was given. */
  readonly billingCountry: string | null;
  /** The quote version that the buyer saw, if the caller says it (If-Match). */
  readonly seenVersion: number | null;
  /** How long the caller waits for the order's outcome; 0 answers at once with `complete_in_progress`. */
  readonly waitMs: number;
  /** Runs the wait for the outcome, so that who counts the work in progress can leave it out. */
  readonly aside?: <T>(wait: () => Promise<T>) => Promise<T>;
  /** W3C trace context of the request, to be carried by everything that follows. */
  readonly traceparent: string | null;
};

/** A checkout as a caller sees it now, or as it was answered under a key. */
export type CheckoutView = {
  readonly checkoutId: string;
  /**
   * incomplete: something lacks · ready: may be completed · completing: the order is committed and walks its saga ·
   * on_hold: the same, and a person looks at the order · completed: the order is confirmed · cancelled: it is over.
   */
  readonly status: 'incomplete' | 'ready' | 'completing' | 'on_hold' | 'completed' | 'cancelled';
  readonly quote: Quote;
  readonly shippingOptions: readonly ShippingOption[];
  /** The order that is alive or confirmed, else null. */
  readonly orderId: string | null;
  readonly expiresAt: Date;
  /** What the buyer should know: each one of the refusal catalogue, such as `out_of_stock` or `payment_failed`. */
  readonly notices: readonly Notice[];
};

/** `blocks`: the checkout cannot be completed until it is mended. `final`: the checkout cannot be mended. */
export type Notice = { readonly refusal: Refused; readonly weight: 'blocks' | 'informs' | 'final' };
