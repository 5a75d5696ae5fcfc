import { enqueue } from '../messaging/messages.sql.ts';
import { takeTurn } from '../sagas/saga.sql.ts';
import { type SweeperTask, sweepBatchSizeMax } from '../sagas/sweeper.run.ts';
import { paymentsToCheck, postponeChecks } from './payments.sql.ts';
import { sweepTimings } from './timings.ts';

/**
 * A payment without a settled outcome is asked for in time, even if each message about it was lost. The turn saves work
 * and guards nothing: two at once would wait for each other's rows and have the provider asked twice, but a message of
 * one cause is alive once, and one that comes after all is settled changes nothing.
 */
export const sweepUnsettledPayments: SweeperTask = {
  name: 'unsettled-payments',
  everyMs: 2_000,
  why: 'Promise 9: an unknown payment becomes the truth of the provider.',
  async run(options) {
    const found = await options.database.transaction(async (tx) => {
      if (!(await takeTurn(tx, sweepUnsettledPayments.name))) return 0;
      const payments = await paymentsToCheck(tx, sweepBatchSizeMax);
      if (payments.length === 0) return 0;
      await enqueue(
        tx,
        payments.map((payment) => ({
          messageId: options.newId(),
          type: payment.status === 'voiding' ? ('void-authorisation' as const) : ('authorise-payment' as const),
          merchantId: payment.merchantId,
          orderId: payment.orderId,
          idempotencyKey: payment.orderId,
          payload: {},
          traceparent: null,
        })),
      );
      await postponeChecks(
        tx,
        payments.map((payment) => payment.orderId),
        sweepTimings.recheckAfterMs,
      );
      return payments.length;
    });
    if (found > 0) options.waker.wake(['payments']);
    return found;
  },
};
