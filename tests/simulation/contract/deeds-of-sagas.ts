import { discardDeadLetters, replayDeadLetters, restedLetterIds } from '../../../src/messaging/dead-letters.sql.ts';
import { removeHandled } from '../../../src/messaging/handled.sql.ts';
import { type MessageType, messageTypes } from '../../../src/messaging/queues.ts';
import { wakeChannel } from '../../../src/messaging/waker.run.ts';
import { writeAudit } from '../../../src/operations/audit.sql.ts';
import { closeInboxItem, readInboxItem } from '../../../src/operations/inbox.sql.ts';
import { wakeWorkers } from '../../../src/operations/wake.sql.ts';
import { applyChange } from '../../../src/sagas/change.sql.ts';
import { lockOrder, takeTurn } from '../../../src/sagas/saga.sql.ts';
import { isOverdue, overdueOrders, putOff } from '../../../src/sagas/sweeper.sql.ts';
import { merchantId } from '../seed-rows.ts';
import { nobody } from './draws.ts';
import { drawChange } from './saga-draws.ts';
import type { StatementDeed } from './statement-deed.ts';

export const ofSagas: Readonly<Record<string, StatementDeed>> = {
  lockOrder: (draws) => {
    const id = draws.id('orders', 'order_id');
    return (tx) => lockOrder(tx, id, null);
  },
  applyChange: (draws) => {
    const orderId = String(draws.row('orders')?.order_id ?? nobody);
    const change = drawChange(draws.chance);
    return async (tx, newId) => {
      const order = await lockOrder(tx, orderId, null);
      if (order !== null) await applyChange(tx, order, change, { actor: 'by hand', newId, owner: 'operations' });
    };
  },
  overdueOrders: () => (tx) => overdueOrders(tx, 1_000),
  isOverdue: (draws) => {
    const id = draws.id('orders', 'order_id');
    return (tx) => isOverdue(tx, id);
  },
  takeTurn: ({ chance }) => {
    const task = chance.pick(['one', 'another']);
    return (tx) => takeTurn(tx, task);
  },
  putOff: (draws) => {
    const open = draws.tables.orders.filter(({ deadline_at }) => deadline_at !== null);
    const id = open.length === 0 ? nobody : String(draws.chance.pick(open).order_id);
    return (tx, newId) => putOff(tx, id, 'it does not move', { newId, inboxOwner: 'operations' });
  },
};

export const ofPeople: Readonly<Record<string, StatementDeed>> = {
  discardDeadLetters: (draws) => {
    const ids = [draws.id('dead_letters', 'message_id'), draws.id('dead_letters', 'message_id')];
    return (tx) => discardDeadLetters(tx, { merchantId, messageIds: ids, by: 'Ada', why: 'not wanted' });
  },
  replayDeadLetters: (draws) => {
    const ids = [draws.id('dead_letters', 'message_id'), draws.id('dead_letters', 'message_id')];
    const statuses = draws.chance.pick([['open'], ['open', 'discarded']] as const);
    return (tx) => replayDeadLetters(tx, { merchantId: null, messageIds: ids, statuses, by: 'Ada' });
  },
  restedLetterIds: ({ chance }) => {
    const restMs = chance.magnitude(1, 60_000);
    return (tx) => restedLetterIds(tx, { types: Object.keys(messageTypes) as MessageType[], restMs, limit: 1_000 });
  },
  removeHandled: ({ chance }) => {
    const olderThanDays = chance.pick([0, 0, 90]);
    return (tx) => removeHandled(tx, { olderThanDays, count: 1_000 });
  },
  writeAudit: (draws) => {
    const entryId = draws.chance.happens(0.3) ? draws.id('audit_entries', 'entry_id') : null;
    const orderId = draws.id('orders', 'order_id');
    const [actor, detail] = [draws.chance.pick(['Ada', '']), draws.chance.pick([null, 'so it was'])];
    return (tx, newId) =>
      writeAudit(tx, { entryId: entryId ?? newId(), merchantId, orderId, actor, action: 'looked', detail });
  },
  readInboxItem: (draws) => {
    const id = draws.id('operator_inbox', 'item_id');
    return (tx) => readInboxItem(tx, merchantId, id);
  },
  closeInboxItem: (draws) => {
    const itemId = draws.id('operator_inbox', 'item_id');
    return (tx) => closeInboxItem(tx, { merchantId, itemId, by: 'Ada', resolution: 'done' });
  },
  wakeWorkers: () => (tx) => wakeWorkers(tx, wakeChannel, ['orders']),
};
