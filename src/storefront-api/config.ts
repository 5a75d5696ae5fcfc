/** What the storefront says of itself. Read from the environment in main/ and handed in. */
export type StorefrontConfig = {
  /** How callers reach this server: an origin without a trailing slash. */
  readonly publicUrl: string;
  /** Where a buyer reads an order: followed by `/` and the order's id. An absolute URL without a trailing slash. */
  readonly orderPageUrl: string;
  /** Where a buyer goes on by hand: followed by `/` and the checkout's id. https only; null if there is no page. */
  readonly checkoutPageUrl: string | null;
  /** Shown at every checkout; the law wants them. */
  readonly links: readonly { readonly type: 'privacy_policy' | 'terms_of_service'; readonly url: string }[];
  readonly paymentHandlers: readonly PaymentHandler[];
  /** Whose products are shown to those who bring no key; null if the list is for callers only. */
  readonly publicMerchantId: string | null;
};

/** A payment provider as callers see it. */
export type PaymentHandler = {
  /** What an instrument's `handler_id` must say: the provider's name. */
  readonly id: string;
  /** In reverse-domain form, such as `dev.onetill.simulated`. */
  readonly name: string;
  readonly instrumentTypes: readonly string[];
  /** Shown to callers as it is: how to get a token. No secrets. */
  readonly config: Readonly<Record<string, unknown>>;
};

/** The handler of the payment provider simulator. */
export const simulatedHandler: PaymentHandler = {
  id: 'simulated',
  name: 'dev.onetill.simulated',
  instrumentTypes: ['card'],
  config: {
    environment: 'test',
    credential_type: 'token',
    test_tokens: ['tok_ok', 'tok_insufficient_funds', 'tok_card_declined', 'tok_expired_card', 'tok_fraud_suspected'],
  },
};
