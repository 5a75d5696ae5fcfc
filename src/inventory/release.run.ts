import type { UndoHandler } from '../sagas/steps.ts';
import { releaseReservations } from './reservations.sql.ts';

/** The undo `release-stock`. */
export const releaseUndo: UndoHandler = {
  async begin(tx, order) {
    const units = await releaseReservations(tx, order.orderId);
    if (units === 0) return { now: { outcome: 'done', detail: 'nothing was held any more' } };
    return {
      now: { outcome: 'done', detail: `${units} units released`, events: [{ type: 'StockReleased', data: { units } }] },
    };
  },
};
