import { lockCursor, makeCursor, moveCursor } from '../../../src/messaging/events.sql.ts';
import type { Message, NewMessage } from '../../../src/messaging/message.ts';
import {
  bury,
  enqueue,
  hasten,
  keepLeaseOrRetry,
  putBack,
  renewLeases,
  settle,
  take,
} from '../../../src/messaging/messages.sql.ts';
import type { MessageType, QueueName } from '../../../src/messaging/queues.ts';
import type { Transaction } from '../../../src/shared/postgres/client.ts';
import { merchantId } from '../seed-rows.ts';
import { nobody } from './draws.ts';
import type { StatementDeed } from './statement-deed.ts';

export const ofMessages: Readonly<Record<string, StatementDeed>> = {
  enqueue: (draws) => {
    const { chance } = draws;
    const orderId = draws.id('orders', 'order_id');
    const type = chance.pick(['check-payment', 'confirm-order', 'release-stock'] as const);
    const [delayMs, length] = [chance.between(1, 900_000), chance.between(0, 2)];
    return (tx, newId) => {
      const messages = Array.from({ length }, (_, index): NewMessage => {
        const key = `${orderId}:${index}`;
        const rest = { payload: { of: index }, traceparent: null, delayMs: delayMs + index };
        return { messageId: newId(), type, merchantId, orderId, idempotencyKey: key, ...rest };
      });
      return enqueue(tx, messages);
    };
  },
  take: (draws) => {
    const { chance } = draws;
    const queue = chance.pick(['payments', 'stock', 'orders'] as const);
    const leaseMs = chance.between(1, 30_000);
    return (tx, newId) => take(tx, { queue, count: 1_000, leaseId: newId(), leasedBy: 'by hand', leaseMs });
  },
  renewLeases: onTaken((tx, message) => {
    const held = { messageIds: [message.messageId], leaseIds: [message.leaseId] };
    return renewLeases(tx, { ...held, leaseMs: 20_000 });
  }),
  keepLease: onTaken((tx, message) => keepLeaseOrRetry(tx, message)),
  settle: onTaken((tx, message) => settle(tx, message, 'saga')),
  putBack: onTaken((tx, message) => putBack(tx, message, { delayMs: 30_000, reason: 'not now', by: 'by hand' })),
  bury: onTaken((tx, message) => bury(tx, message, 'no good')),
  hasten: ({ tables, chance }) => {
    const waiting = tables.messages.filter(({ lease_id }) => lease_id === null);
    const row = waiting.length === 0 ? null : chance.pick(waiting);
    const type = (row?.type ?? 'check-payment') as MessageType;
    return (tx) => hasten(tx, type, String(row?.idempotency_key ?? nobody));
  },
  makeCursor: ({ chance }) => {
    const subscriber = chance.pick(['one', 'another']);
    return (tx) => makeCursor(tx, subscriber);
  },
  lockCursor: ({ chance }) => {
    const subscriber = chance.pick(['one', 'another']);
    return (tx) => lockCursor(tx, subscriber);
  },
  moveCursor: ({ chance }) => {
    const to = { era: 1, transactionId: 0n, position: 0n, highestPosition: BigInt(chance.between(0, 3)) };
    const subscriber = chance.pick(['one', 'another']);
    return (tx) => moveCursor(tx, subscriber, to);
  },
};

/**
 * A deed on a message that was just taken, in the same transaction; now and then with a lease that is not the one that
 * was given.
 */
function onTaken(work: (tx: Transaction, message: Message) => Promise<unknown>): StatementDeed {
  return (draws) => {
    const { chance, tables } = draws;
    const waiting = tables.messages.map(({ queue }) => queue as QueueName);
    const queue = waiting.length === 0 ? 'stock' : chance.pick(waiting);
    const isLost = chance.happens(0.2);
    return async (tx, newId) => {
      const lease = { queue, count: 1_000, leaseId: newId(), leasedBy: 'by hand', leaseMs: 5_000 };
      const taken = (await take(tx, lease)).sort((a, b) => (a.messageId < b.messageId ? -1 : 1))[0];
      return taken === undefined ? null : await work(tx, isLost ? { ...taken, leaseId: nobody } : taken);
    };
  };
}
