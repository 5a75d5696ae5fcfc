import { replayDeadLetters, restedLetterIds } from '../messaging/dead-letters.sql.ts';
import { messageTypes } from '../messaging/queues.ts';
import { sleep } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import { applyChange } from './change.sql.ts';
import { afterDeadline } from './decide.ts';
import { onlineOrder } from './online-order.ts';
import type { RunnerOptions } from './runner.run.ts';
import { lockOrder, takeTurn } from './saga.sql.ts';
import { parkedUndoRestMs, type SagaChange, undosOf } from './saga.ts';
import { isOverdue, overdueOrders, putOff } from './sweeper.sql.ts';

/** Work that nobody asks for: what is overdue is found and moved. Returns how much it found. */
export type SweeperTask = {
  readonly name: string;
  readonly everyMs: number;
  readonly why: string;
  run(options: RunnerOptions): Promise<number>;
};

/** Found per round; the next round follows at once while there is more. */
export const sweepBatchSizeMax = 100;

/**
 * Every state that is not final has a deadline; an order that passes it goes back before the pivot, forward after it.
 */
export const sweepOverdueOrders: SweeperTask = {
  name: 'overdue-orders',
  everyMs: 1_000,
  why: 'A message may be lost with its dead letter, a person may forget: no order waits silently.',
  async run(options) {
    const orders = await overdueOrders(options.database, sweepBatchSizeMax);
    let moved = 0;
    for (const { orderId } of orders) {
      const sent = await sweepOrder(options, orderId).catch(async (thrown: unknown) => {
        // One order that cannot be moved must not keep the others from it: it is put off, and a person is told.
        await putOff(options.database, orderId, toError(thrown).message, options);
        return [];
      });
      if (sent === null) continue;
      moved += 1;
      options.waker.wake(sent.map((type) => messageTypes[type].queue));
    }
    // Who has not had the turn has moved nothing, and rests.
    return moved;
  },
};

/**
 * One transaction per order; the turn is held for its length, so that one sweeper acts at a time. It spares the others
 * the wait for the order's row. That an order moves once is held by that row's lock and by asking again under it.
 */
async function sweepOrder(options: RunnerOptions, orderId: string): Promise<SagaChange['send'] | null> {
  return await options.database.transaction(async (tx) => {
    if (!(await takeTurn(tx, sweepOverdueOrders.name))) return null;
    const order = await lockOrder(tx, orderId, null);
    if (order === null || !(await isOverdue(tx, orderId))) return null;
    const change = afterDeadline(order.saga);
    await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
    return change.send;
  });
}

/**
 * A parked undo is told to a person, and what made it fail is mostly over before one looks: after a rest its own letter
 * is replayed, so that a further death opens that letter again, with its history. What a person discarded stays so. The
 * turn keeps others from waiting for the same letters; that each is replayed once is held by its row, whose status is
 * looked at again under its lock.
 */
export const sweepParkedUndos: SweeperTask = {
  name: 'parked-undos',
  everyMs: 15_000,
  why: 'An outage may outlast all attempts of an undo: money and stock go back when it is over, without a person.',
  async run(options) {
    const replayed = await options.database.transaction(async (tx) => {
      if (!(await takeTurn(tx, sweepParkedUndos.name))) return [];
      const messageIds = await restedLetterIds(tx, {
        types: undosOf(onlineOrder),
        restMs: parkedUndoRestMs,
        limit: undosPerRoundMax,
      });
      return await replayDeadLetters(tx, { merchantId: null, messageIds, statuses: ['open'], by: options.actor });
    });
    if (replayed.length > 0) options.waker.wake(replayed.map((letter) => letter.queue));
    return replayed.length;
  },
};

/**
 * At most 80 a minute, whatever an outage left behind: while it lasts, each costs the provider and the database all the
 * attempts of its queue again. When it is over, a person may replay all of them at once.
 */
const undosPerRoundMax = 20;

/** Runs the tasks until stopped. Any number of sweepers may run; one acts at a time per task. */
export function startSweeper(
  options: RunnerOptions & { log: Logger; onSwept?: (task: string, found: number) => void },
  tasks: readonly SweeperTask[],
): { stop(): Promise<void>; readonly ended: Promise<void> } {
  const stopping = new AbortController();
  const loops = tasks.map(async (task) => {
    while (!stopping.signal.aborted) {
      const found = await task.run(options).catch((thrown: unknown) => {
        options.log.warn('a sweeper task failed; trying again', { task: task.name, error: toError(thrown) });
        return 0;
      });
      options.onSwept?.(task.name, found);
      if (found > 0) options.log.info('swept', { task: task.name, count: found });
      if (found < sweepBatchSizeMax) await sleep(task.everyMs, stopping.signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.allSettled(loops);
    },
    // Settles when a task turns no more: after stop(), or rejected with the reason when it could not go on.
    ended: Promise.race(loops),
  };
}
