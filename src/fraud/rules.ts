import { show } from '../shared/money.ts';
import type { FraudScreen, ScreenFacts, Verdict } from './screen.ts';

/** The limits of the rules provider, in the merchant's currency. */
export type FraudRules = {
  readonly holdAboveMinor: bigint;
  readonly refuseAboveMinor: bigint;
  readonly holdFromOrdersPerHour: number;
  readonly refuseFromOrdersPerHour: number;
  /** A foreign billing country is held from this amount on; below it, a present for somebody abroad is likelier. */
  readonly countryMismatchFromMinor: bigint;
};

/** 99.9 % of the sample's invoices are below 5,000.00; nobody shops 20 times an hour by hand. */
export const defaultFraudRules: FraudRules = {
  holdAboveMinor: 500_000n,
  refuseAboveMinor: 5_000_000n,
  holdFromOrdersPerHour: 20,
  refuseFromOrdersPerHour: 100,
  countryMismatchFromMinor: 50_000n,
};

/** The rules provider of the fraud port: amount, velocity, country mismatch. The hardest verdict wins. */
export function rulesScreen(rules: FraudRules): FraudScreen {
  return { kind: 'local', name: 'rules', judge: (facts) => judge(rules, facts) };
}

function judge(rules: FraudRules, facts: ScreenFacts): Verdict {
  const { amountMinor } = facts.total;
  if (amountMinor > rules.refuseAboveMinor)
    return { verdict: 'refuse', reason: `amount ${show(facts.total)} is above the limit` };
  if (facts.ordersInLastHour >= rules.refuseFromOrdersPerHour) return { verdict: 'refuse', reason: velocity(facts) };
  if (amountMinor > rules.holdAboveMinor) return { verdict: 'hold', reason: `amount ${show(facts.total)} is unusual` };
  if (facts.ordersInLastHour >= rules.holdFromOrdersPerHour) return { verdict: 'hold', reason: velocity(facts) };
  const isMismatch = facts.billingCountry !== null && facts.billingCountry !== facts.shipToCountry;
  if (isMismatch && amountMinor >= rules.countryMismatchFromMinor) {
    return { verdict: 'hold', reason: `billed in ${facts.billingCountry}, sent to ${facts.shipToCountry}` };
  }
  return { verdict: 'accept' };
}

function velocity(facts: ScreenFacts): string {
  return `${facts.ordersInLastHour} orders of one buyer within an hour`;
}
