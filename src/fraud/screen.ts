import type { Money } from '../shared/money.ts';

/** What the fraud screen is told: no names, no addresses, no tokens. */
export type ScreenFacts = {
  readonly total: Money;
  readonly shipToCountry: string;
  /** Of the payment method's billing address, if the buyer gave one. */
  readonly billingCountry: string | null;
  /** Orders of the same buyer at this merchant in the last hour, this one included. 0 if the buyer is not known. */
  readonly ordersInLastHour: number;
};

export type Verdict =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'refuse'; readonly reason: string }
  | { readonly verdict: 'hold'; readonly reason: string };

/** The port to a fraud screen. A local one judges at once; a remote one is called like any outside party. */
export type FraudScreen =
  | { readonly kind: 'local'; readonly name: string; judge(facts: ScreenFacts): Verdict }
  | {
      readonly kind: 'remote';
      readonly name: string;
      screen(orderId: string, facts: ScreenFacts): Promise<ScreenAnswer>;
    };

export type ScreenAnswer =
  | { readonly outcome: 'done'; readonly value: Verdict }
  | { readonly outcome: 'again'; readonly reason: string; readonly retryAfterMs?: number };
