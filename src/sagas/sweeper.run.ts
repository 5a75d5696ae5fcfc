import { enqueue } from '../messaging/messages.sql.ts';
import { messageTypes } from '../messaging/queues.ts';
import { paymentsToCheck, postponeChecks } from '../payments/payments.sql.ts';
import { sleep } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import type { RunnerOptions } from './runner.run.ts';
import { applyChange, isOverdue, lockOrder, overdueOrders, putOff, takeTurn } from './saga.sql.ts';
import { afterDeadline, type SagaChange } from './saga.ts';

/** Work that nobody asks for: what is overdue is found and moved. Returns how much it found. */
export type SweeperTask = {
  readonly name: string;
  readonly everyMs: number;
  readonly why: string;
  run(options: RunnerOptions): Promise<number>;
};

/** Found per round; the next round follows at once while there is more. */
const batchSizeMax = 100;

/** Every state that is not final has a deadline; an order that passes it goes back before the pivot, forward after it. */
const overdue: SweeperTask = {
  name: 'overdue-orders',
  everyMs: 1_000,
  why: 'A message may be lost with its dead letter, a person may forget: no order waits silently.',
  async run(options) {
    const orders = await overdueOrders(options.database, batchSizeMax);
    for (const { orderId } of orders) {
      const sent = await sweepOrder(options, orderId).catch(async (thrown: unknown) => {
        // One order that cannot be moved must not keep the others from it: it is put off, and a person is told.
        await putOff(options.database, orderId, toError(thrown).message, options);
        return [];
      });
      options.waker.wake(sent.map((type) => messageTypes[type].queue));
    }
    return orders.length;
  },
};

/** One transaction per order; the turn is held for its length, so that one sweeper acts at a time. */
async function sweepOrder(options: RunnerOptions, orderId: string): Promise<SagaChange['send']> {
  return await options.database.transaction(async (tx) => {
    if (!(await takeTurn(tx, overdue.name))) return [];
    const order = await lockOrder(tx, orderId, null);
    if (order === null || !(await isOverdue(tx, orderId))) return [];
    const change = afterDeadline(order.saga);
    await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
    return change.send;
  });
}

/** A payment without a settled outcome is asked for in time, even if each message about it was lost. */
const unsettled: SweeperTask = {
  name: 'unsettled-payments',
  everyMs: 2_000,
  why: 'Promise 9: an unknown payment becomes the truth of the provider.',
  async run(options) {
    const found = await options.database.transaction(async (tx) => {
      if (!(await takeTurn(tx, unsettled.name))) return 0;
      const payments = await paymentsToCheck(tx, batchSizeMax);
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
        recheckMs,
      );
      return payments.length;
    });
    if (found > 0) options.waker.wake(['payments']);
    return found;
  },
};

/** How long a payment that was just sent for is left alone. */
const recheckMs = 60_000;

export const sweeperTasks: readonly SweeperTask[] = [overdue, unsettled];

/** Runs the tasks until stopped. Any number of sweepers may run; one acts at a time per task. */
export function startSweeper(
  options: RunnerOptions & { log: Logger; onSwept?: (task: string, found: number) => void },
  tasks: readonly SweeperTask[] = sweeperTasks,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const loops = tasks.map(async (task) => {
    while (!stopping.signal.aborted) {
      const found = await task.run(options).catch((thrown: unknown) => {
        options.log.warn('a sweeper task failed; trying again', { task: task.name, error: toError(thrown) });
        return 0;
      });
      options.onSwept?.(task.name, found);
      if (found > 0) options.log.info('swept', { task: task.name, count: found });
      if (found < batchSizeMax) await sleep(task.everyMs, stopping.signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
