import type { OrderStatus } from '../../../src/orders/order.ts';
import type { SagaChange, SagaStatus, StepState } from '../../../src/sagas/saga.ts';
import type { Chance } from '../chance.ts';

/** A change of a saga such as no decision may ever make: the statement writes it, or a constraint refuses it. */
export function drawChange(chance: Chance): SagaChange {
  const orders = ['pending', 'on_hold', 'confirmed', 'cancelling', 'cancelled'] as const satisfies OrderStatus[];
  const sagas = ['running', 'waiting', 'compensating', 'completed', 'parked'] as const satisfies SagaStatus[];
  const maybe = <T>(make: () => T): T[] => (chance.happens(0.4) ? [make()] : []);
  const order = maybe(() => ({
    status: chance.pick(orders),
    deadlineInMs: chance.pick([null, 60_000, 600_000]),
    ...(chance.happens(0.5) ? { cancelCode: 'payment_failed' as const } : {}),
  }))[0];
  const status = maybe(() => chance.pick(sagas))[0];
  const isTwice = chance.happens(0.05);
  const step = maybe(
    (): StepState => ({
      step: chance.pick(['screen-for-fraud', 'authorise-payment', 'hold-stock'] as const),
      status: chance.pick(['running', 'done', 'refused', 'waiting'] as const),
      undo: chance.pick(['none', 'registered', 'running', 'done', 'parked'] as const),
      attempts: chance.between(1, 3),
      undoAttempts: chance.between(0, 2),
      detail: chance.pick([null, 'so it was']),
    }),
  );
  return {
    ...(order === undefined ? {} : { order }),
    ...(status === undefined ? {} : { status }),
    steps: isTwice ? [...step, ...step] : step,
    send: maybe(() => chance.pick(['authorise-payment', 'release-stock', 'confirm-order'] as const)),
    events: maybe(() => ({ type: 'OrderReleased' as const, data: { by: 'hand' } })),
    audit: maybe(() => ({ action: 'by hand', detail: null })),
    inbox: maybe(() => ({ kind: chance.pick(['late_money', 'step_parked'] as const), reason: 'by hand' })),
  };
}
