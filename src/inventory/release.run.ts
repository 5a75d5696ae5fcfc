import type { UndoHandler } from '../sagas/steps.ts';
import { releaseReservations } from './reservations.sql.ts';

/** The undo `release-stock`. */
export const releaseUndo: UndoHandler = {
  async begin(tx, order) {
    const units = await releaseReservations(tx, order.orderId);
    if (units === 0) return { now: { outcome: 'done', detail: 'nothing was held any more' } };
    const detail = `${units} ${units === 1 ? 'unit' : 'units'} released`;
    return {
      now: { outcome: 'done', detail, events: [{ type: 'StockReleased', data: { units } }] },
    };
  },
};
