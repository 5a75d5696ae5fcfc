import type { Evidence } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { oneAnswerPerKey } from './promise-1-one-answer-per-key.ts';
import { oneCharge } from './promise-2-one-charge.ts';
import { noOversell } from './promise-3-no-oversell.ts';
import { everyOrderEnds } from './promise-5-every-order-ends.ts';
import { takesEffectOnce } from './promise-6-takes-effect-once.ts';
import { eventsInOrder } from './promise-7-events-in-order.ts';
import { priceThatWasSeen } from './promise-8-price-that-was-seen.ts';
import { unknownPayments } from './promise-9-unknown-payments.ts';
import { noCardData } from './promise-14-no-card-data.ts';

/** One judge per promise that is built. Each is proven by planted violations (canaries.ts). */
export const judges: readonly Judge[] = [
  oneAnswerPerKey,
  oneCharge,
  noOversell,
  everyOrderEnds,
  takesEffectOnce,
  eventsInOrder,
  priceThatWasSeen,
  unknownPayments,
  noCardData,
];

/** Promises of rooms that are not built: there is nothing yet that could break them, and nothing is said of them. */
export const unjudged: readonly { readonly promise: number; readonly room: string }[] = [
  { promise: 4, room: 'the ledger' },
  { promise: 10, room: 'walk-out stores and brand sites' },
  { promise: 11, room: 'the catalogue feed' },
  { promise: 12, room: 'the chained audit trail' },
  { promise: 13, room: 'reconciliation' },
];

/** Where nothing was planted in a request, the judge of promise 14 has nothing to look for and says nothing. */
export const judgedUnplanted: readonly number[] = judges.map(({ promise }) => promise).filter((each) => each !== 14);

/** What the judges say of a run that has come to rest; empty when every promise was kept. */
export function judgeAll(evidence: Evidence): Violation[] {
  return judges.flatMap(({ judge }) => judge(evidence));
}

/** The same for the report of a part, with what leads back to the place: the seed, and the fault of this run. */
export function judgedAt(evidence: Evidence, where: string): (Violation & { readonly where: string })[] {
  return judgeAll(evidence).map((violation) => ({ ...violation, where }));
}
