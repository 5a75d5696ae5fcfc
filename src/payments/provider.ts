import type { Money } from '../shared/money.ts';
import type { Secret } from '../shared/secret.ts';

/**
 * The port to a payment provider. Every adapter and the simulator behind it pass one contract suite
 * (tests/contracts/payment-provider.ts).
 *
 * Our own key goes with every call. The same key and body always give the same effect and the same result, so a
 * call may be repeated after an unknown outcome; a provider that cannot promise that is asked with `find` instead.
 */
export type PaymentProvider = {
  /** The name under which payments, limits and metrics know it, such as `simulated`. */
  readonly name: string;
  authorise(request: AuthoriseRequest): Promise<ProviderOutcome<Authorisation>>;
  /** Takes at most what is still authorised. */
  capture(request: MoneyRequest): Promise<ProviderOutcome<Authorisation>>;
  /** Gives the whole authorisation back. Done also when it was voided before. Refused with `already_captured`. */
  void(request: ReferenceRequest): Promise<ProviderOutcome<Authorisation>>;
  /** Gives captured money back, at most what was captured. */
  refund(request: MoneyRequest): Promise<ProviderOutcome<Authorisation>>;
  /**
   * All that the provider has under our key of the authorise call, the first one made first; nothing if it never saw
   * the key. More than one is a fault of the provider's, of which the order must know. Changes nothing.
   */
  find(request: FindRequest): Promise<ProviderOutcome<readonly Authorisation[]>>;
};

/** An outside call ends in exactly one of these five ways. */
export type ProviderOutcome<T> =
  /** Acted, and said so. */
  | { readonly outcome: 'done'; readonly value: T }
  /** Understood and declined; repeating gives the same. `code` is the provider's, such as `insufficient_funds`. */
  | { readonly outcome: 'refused'; readonly code: string; readonly reason: string }
  /** Certainly not done, and worth trying again: 429, or 503 with a promise that nothing was done. */
  | { readonly outcome: 'retryable'; readonly reason: string; readonly retryAfterMs?: number }
  /** Certainly not done: the request never left (connection refused, circuit open). */
  | { readonly outcome: 'could-not-post'; readonly reason: string; readonly retryAfterMs?: number }
  /** May have been done or not: timeout, cut reply, 5xx, nonsense. Ask with `find`. */
  | { readonly outcome: 'unknown'; readonly reason: string };

export type AuthoriseRequest = {
  /** Our idempotency key: derived from the order and the step, at most 255 characters. */
  readonly key: string;
  readonly amount: Money;
  /** The provider's token of the buyer's payment method. Never a card number. */
  readonly token: Secret;
  /** Our payment's id, shown in the provider's books and sent back in its webhooks. */
  readonly reference: string;
};

export type ReferenceRequest = { readonly key: string; readonly providerReference: string };
export type MoneyRequest = ReferenceRequest & { readonly amount: Money };
export type FindRequest = { readonly authoriseKey: string };

/** The provider's view of one authorisation, as it is now. */
export type Authorisation = {
  /** The provider's id of it. */
  readonly providerReference: string;
  /** Our key of the authorise call. */
  readonly authoriseKey: string;
  /** Our payment's id. */
  readonly reference: string;
  readonly status: 'authorised' | 'declined' | 'voided' | 'captured' | 'refunded';
  readonly currency: string;
  readonly authorisedMinor: bigint;
  readonly capturedMinor: bigint;
  readonly refundedMinor: bigint;
  /** Why it was declined, else null. */
  readonly declineCode: string | null;
};
