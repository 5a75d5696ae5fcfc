import { ordersInLastHour } from '../../../src/fraud/facts.sql.ts';
import { releaseReservations, sellReservations } from '../../../src/inventory/reservations.sql.ts';
import { runnerOptions, sweeperTasks } from '../../../src/main/wiring.ts';
import { feedOnce } from '../../../src/messaging/event-feed.run.ts';
import { take } from '../../../src/messaging/messages.sql.ts';
import { type QueueName, queueNames } from '../../../src/messaging/queues.ts';
import { recordCount } from '../../../src/operations/count.run.ts';
import { discardLetter, replayLetter } from '../../../src/operations/dead-letters.run.ts';
import { closeItem } from '../../../src/operations/inbox.run.ts';
import { reviewOrder } from '../../../src/operations/review.run.ts';
import { orderTimeline } from '../../../src/orders/timeline.sql.ts';
import { attemptOf, intend, movePayment, recordOutcome, tokenOf } from '../../../src/payments/payments.sql.ts';
import { receiveWebhook } from '../../../src/payments/webhooks.run.ts';
import { applyChange } from '../../../src/sagas/change.sql.ts';
import { lockOrder } from '../../../src/sagas/saga.sql.ts';
import { toError } from '../../../src/shared/failure.ts';
import type { NewId } from '../../../src/shared/ids.ts';
import { sqlState, type Transaction } from '../../../src/shared/postgres/client.ts';
import { createCohort } from '../../../src/shared/postgres/cohort.ts';
import { caller, merchantId, otherCaller } from '../seed-rows.ts';
import { type Actors, handleOnce, webhookAbout } from './actors.ts';
import { type Draws, drawComplete, drawDraft, drawKey } from './draws.ts';
import { drawChange } from './saga-draws.ts';
import { statementDeeds } from './statement-deeds.ts';

/** Something that is done to both stores. What it draws is drawn once, for both. */
export type Deed = (draws: Draws) => (actors: Actors) => Promise<unknown>;

const someCaller = ({ chance }: Draws) => (chance.happens(0.95) ? caller : otherCaller);
const maybeKey = ({ chance }: Draws) => (chance.happens(0.3) ? null : drawKey(chance));

/** What a handler may ask for about its order, as drawn; several of them share a transaction. */
function workOn({ chance }: Draws, orderId: string): (tx: Transaction, newId: NewId) => Promise<unknown> {
  const change = drawChange(chance);
  const does = chance.pick(['change', 'change', 'sell', 'release', 'pay', 'read'] as const);
  return async (tx, newId) => {
    const order = await lockOrder(tx, orderId, null);
    if (order === null) return null;
    const { paymentId } = order.payment;
    if (does === 'sell') return await sellReservations(tx, orderId);
    if (does === 'release') return await releaseReservations(tx, orderId);
    if (does === 'read') return [await ordersInLastHour(tx, orderId), await attemptOf(tx, orderId, 'authorise')];
    if (does === 'change') return await applyChange(tx, order, change, { actor: 'Ada', newId, owner: 'operations' });
    const providerKey = `${orderId}-authorise`;
    const intent = { orderId, paymentId, merchantId, kind: 'authorise', providerKey, amountMinor: 255n } as const;
    const calls = await intend(tx, intent);
    await movePayment(tx, { orderId, status: 'authorising', checkInMs: 1_000 });
    await recordOutcome(tx, { orderId, kind: 'authorise', outcome: 'unknown', reason: 'no answer' });
    return [calls, (await tokenOf(tx, orderId))?.reveal()];
  };
}

/** The project's own code, one call after the other. */
export const codeDeeds: Readonly<Record<string, Deed>> = {
  create: (draws) => {
    const [by, draft, key] = [someCaller(draws), drawDraft(draws.chance), maybeKey(draws)];
    return ({ desk }) => desk.create(by, draft, key);
  },
  read: (draws) => {
    const [by, id] = [someCaller(draws), draws.id('checkouts', 'checkout_id')];
    return ({ desk }) => desk.read(by, id);
  },
  update: (draws) => {
    const [by, id] = [someCaller(draws), draws.id('checkouts', 'checkout_id')];
    const [draft, key] = [drawDraft(draws.chance), maybeKey(draws)];
    return ({ desk }) => desk.update(by, id, draft, key);
  },
  complete: (draws) => {
    const [by, id] = [someCaller(draws), draws.id('checkouts', 'checkout_id')];
    const request = drawComplete(draws.chance);
    return ({ desk }) => desk.complete(by, id, request);
  },
  cancel: (draws) => {
    const [by, id, key] = [someCaller(draws), draws.id('checkouts', 'checkout_id'), maybeKey(draws)];
    return ({ desk }) => desk.cancel(by, id, key);
  },
  readOrder: (draws) => {
    const [by, id] = [someCaller(draws), draws.id('orders', 'order_id')];
    return ({ desk }) => desk.readOrder(by, id);
  },
  work: (draws) => {
    const { chance, tables } = draws;
    const waiting = tables.messages.map((message) => message.queue as QueueName);
    const queue = waiting.length === 0 ? chance.pick(queueNames) : chance.pick(waiting);
    const attemptsMax = chance.pick([1, 1, 2, 4]);
    const isLocal = chance.happens(0.5);
    return async (actors) => {
      const [leaseId, leaseMs] = [actors.newId(), 15_000];
      const taken = await take(actors.database, { queue, count: 20, leaseId, leasedBy: 'worker', leaseMs });
      const ends: unknown[] = [];
      taken.sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
      // Side by side they share transactions. Where the provider is called, who comes back first is anybody's guess.
      const isTogether = isLocal && queue !== 'payments' && queue !== 'webhooks';
      if (isTogether) return await Promise.all(taken.map((message) => handleOnce(actors, message, attemptsMax)));
      for (const message of taken) ends.push([message, await handleOnce(actors, message, attemptsMax)]);
      return ends;
    };
  },
  together: (draws) => {
    const { chance, tables } = draws;
    const ids = [...new Set([1, 2, 3].map(() => draws.id('orders', 'order_id')))];
    const works = ids.map((id) => workOn(draws, id));
    const isRefused = chance.happens(0.2) && tables.orders.length > 1;
    return async ({ database, newId }) => {
      const cohort = createCohort({ database, batchMax: 10, inFlightMax: 1 });
      const done = works.map((work, index) =>
        cohort.transaction(ids[index] ?? '', async (tx) => {
          const result = await work(tx, newId);
          if (isRefused && index === 1) throw new RangeError('refused by itself');
          return result;
        }),
      );
      return (await Promise.allSettled(done)).map((each) =>
        each.status === 'fulfilled' ? each.value : `failed: ${sqlState(each.reason) ?? toError(each.reason).name}`,
      );
    };
  },
  sweep: ({ chance }) => {
    const task = chance.pick(sweeperTasks);
    return (actors) => task.run(runnerOptions(actors, 'sweeper under test'));
  },
  feed: () => (actors) => feedOnce(actors.database, orderTimeline),
  webhook: (draws) => {
    const orderId = draws.id('orders', 'order_id');
    const type = draws.chance.pick(['authorised', 'declined', 'voided']);
    return async (actors) => {
      const webhook = webhookAbout(actors.books, orderId, type);
      if (webhook === null) return null;
      return await receiveWebhook(actors, { provider: 'simulated', ...webhook, traceparent: null });
    };
  },
  review: (draws) => {
    const held = draws.tables.orders.filter((order) => order.status === 'on_hold');
    const orderId = held.length === 0 ? draws.id('orders', 'order_id') : String(draws.chance.pick(held).order_id);
    const verdict = draws.chance.pick(['accept', 'refuse'] as const);
    return ({ deed }) => reviewOrder(deed, { orderId, verdict, owner: 'operations' });
  },
  replayLetter: (draws) => {
    const id = draws.id('dead_letters', 'message_id');
    return ({ deed }) => replayLetter(deed, id);
  },
  discardLetter: (draws) => {
    const id = draws.id('dead_letters', 'message_id');
    return ({ deed }) => discardLetter(deed, id, 'not wanted');
  },
  closeItem: (draws) => {
    const itemId = draws.id('operator_inbox', 'item_id');
    return ({ deed }) => closeItem(deed, { itemId, resolution: 'seen to' });
  },
  count: (draws) => {
    const { chance } = draws;
    const sku = chance.happens(0.1) ? 'UNKNOWN' : chance.pick(['APPLE', 'BEET', 'CORN', 'UNCOUNTED']);
    const onHandUnits = BigInt(chance.between(0, 12));
    return ({ deed }) => recordCount(deed, { sku, onHandUnits, reason: 'counted' });
  },
};

/**
 * Single statements with whatever values, one or several in a transaction, which is rolled back now and then: what the
 * code would not do, and the errors that it should never see.
 */
export const statementDeed: Deed = (draws) => {
  const { chance } = draws;
  const names = Object.keys(statementDeeds);
  const works = Array.from({ length: chance.between(1, 3) }, () => {
    const name = chance.pick(names);
    return { name, work: statementDeeds[name]?.(draws) };
  });
  const isRolledBack = chance.happens(0.2);
  return async ({ database, newId }) => {
    const results: unknown[] = [];
    const done = database.transaction(async (tx: Transaction) => {
      for (const { name, work } of works) results.push([name, await work?.(tx, newId)]);
      if (isRolledBack) throw new RangeError('rolled back');
    });
    await done.catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
    });
    return results;
  };
};

export { merchantId };
