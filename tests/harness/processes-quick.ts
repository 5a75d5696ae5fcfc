import { queues } from '../../src/messaging/queues.ts';
import { sweepUnsettledPayments } from '../../src/payments/sweep.run.ts';
import { paymentTimings, sweepTimings } from '../../src/payments/timings.ts';
import { sweepOverdueOrders } from '../../src/sagas/sweeper.run.ts';
import { parties } from '../../src/shared/parties.ts';

/**
 * Makes this process recover in about a second, by other numbers in the same tables: what the code does is untouched,
 * and production has no switch for it. How often something is tried stays as it is. Call it before a process starts.
 */
export function quicken(): void {
  for (const settings of Object.values(queues)) {
    set(settings, { leaseMs: 1_000, backoffBaseMs: 20, backoffCapMs: 100 });
  }
  set(paymentTimings, { checkAfterMs: 2_000, absentAfterMs: 300, lookAgainAfterMs: 1_000 });
  set(sweepTimings, { recheckAfterMs: 2_000 });
  set(sweepOverdueOrders, { everyMs: 300 });
  set(sweepUnsettledPayments, { everyMs: 400 });
  set(parties['payment-provider'].breakerOpenMs, { value: 200 });
}

const attemptsOf = Object.values(queues).map((settings) => [settings, settings.attemptsMax] as const);

/** Has messages die after so many deliveries, from now on; null: as in production. */
export function giveUpAfter(attemptsMax: number | null): void {
  for (const [settings, usual] of attemptsOf) set(settings, { attemptsMax: attemptsMax ?? usual });
}

type Numbers = Readonly<Record<string, unknown>>;

function set<Table extends Numbers>(table: Table, numbers: { readonly [Name in keyof Table]?: number }): void {
  Object.assign(table, numbers);
}
