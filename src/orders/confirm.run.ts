import { sellReservations } from '../inventory/reservations.sql.ts';
import type { StepHandler } from '../sagas/steps.ts';
import { assert } from '../shared/assert.ts';

/** The step `confirm-order`: past the pivot, so it knows no refusal. */
export const confirmStep: StepHandler = {
  async begin(tx, order) {
    assert(order.payment.status === 'authorised', 'the payment is authorised before the order is confirmed');
    const units = await sellReservations(tx, order.orderId);
    const total = { amount_minor: Number(order.totalMinor), currency: order.currency };
    const detail = `${units} ${units === 1 ? 'unit' : 'units'} sold`;
    return {
      now: { outcome: 'done', detail, events: [{ type: 'OrderPlaced', data: { total } }] },
    };
  },
};
