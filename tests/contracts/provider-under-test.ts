import { expect } from 'vitest';
import type { FaultOrder } from '../../simulators/payment-provider/faults.ts';
import type { PaymentProvider, ProviderOutcome } from '../../src/payments/provider.ts';
import { currencyOf, money } from '../../src/shared/money.ts';
import { Secret } from '../../src/shared/secret.ts';

/** A provider that runs, and what the suite needs around it. */
export type ProviderUnderTest = {
  readonly provider: PaymentProvider;
  /** The caller gives up after `deadlineMs`; faults that answer late wait longer than that. */
  readonly deadlineMs: number;
  readonly inject: (order: FaultOrder) => Promise<void>;
  /** Hits of all faults in force, together. */
  readonly hits: () => Promise<number>;
  readonly books: () => Promise<BookLine[]>;
  readonly stop: () => Promise<void>;
};

export type BookLine = {
  readonly type: 'authorisation' | 'key' | 'totals';
  readonly key?: string;
  readonly status?: string;
  readonly arrivals?: Readonly<Record<string, number>> | number;
  readonly movements?: readonly { readonly kind: string; readonly key: string; readonly amount_minor: number }[];
  readonly keys_with_several_authorisations?: number;
};

const gbp = currencyOf('GBP');
export const pounds = (amountMinor: bigint) => money(amountMinor, gbp);

export const request = (key: string, token = 'tok_ok', amountMinor = 1_250n) => ({
  key,
  amount: pounds(amountMinor),
  token: new Secret(token),
  reference: `pay-${key}`,
});

export function done<T>(outcome: ProviderOutcome<T>): T {
  if (outcome.outcome !== 'done') expect.fail(`not done: ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export async function authorisations(books: () => Promise<BookLine[]>): Promise<BookLine[]> {
  return (await books()).filter(({ type }) => type === 'authorisation');
}
