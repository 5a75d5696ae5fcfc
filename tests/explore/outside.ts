import { decideHint } from '../../src/payments/decide.ts';
import { afterDeadline, afterReview } from '../../src/sagas/decide.ts';
import { type Move, move } from './move.ts';
import type { Order } from './world.ts';
import { acted, applied, withMessages } from './writes.ts';

/** What happens to an order from outside: late calls arrive, events come, time passes, people decide. */
export function* outsideMoves(order: Order): Generator<Move> {
  yield* providerMoves(order);
  yield* clockMoves(order);
}

function* providerMoves(order: Order): Generator<Move> {
  const { provider } = order;
  if (provider.isLate) {
    const arrived = { ...order, provider: { ...provider, isLate: false } };
    yield move(
      'the late call is authorised',
      provider.authorisations.length > 0 ? arrived : acted(arrived, ['authorised']),
    );
    if (provider.authorisations.length === 0) yield move('the late call is declined', acted(arrived, ['declined']));
  }
  for (const event of provider.events) {
    const [type = '', reference = ''] = event.split(' ');
    const events = new Set([...provider.events].filter((each) => each !== event));
    const told = { ...order, provider: { ...provider, events } };
    const hint = decideHint(
      { type: `authorisation.${type}`, providerReference: reference },
      { status: order.payment, providerReference: order.reference },
    );
    const sent = [...(hint.mayBeStray ? [`stray ${reference}`] : []), ...(hint.asks ? ['check-payment'] : [])];
    yield move(`event ${event}`, withMessages(told, sent));
    // The one event of a second authorisation is the only sign of it (docs/decisions/0013).
    if (reference === 'r0') yield move(`event ${event} is lost`, told, true);
  }
}

/** Time passes, and people decide. */
function* clockMoves(order: Order): Generator<Move> {
  const { saga } = order;
  if (saga.orderStatus !== 'confirmed' && saga.orderStatus !== 'cancelled') {
    yield move('deadline', applied(order, afterDeadline(saga)));
  }
  for (const verdict of ['accept', 'refuse'] as const) {
    const change = afterReview(saga, verdict, 'ada');
    if (change !== null) yield move(verdict, applied(order, change));
  }
  const isParked = [...saga.steps.values()].some((each) => each.undo === 'parked');
  if (['authorising', 'unknown', 'voiding'].includes(order.payment) && !isParked) {
    const type = order.payment === 'voiding' ? 'void-authorisation' : 'authorise-payment';
    if (!order.messages.has(type)) yield move(`sweep ${type}`, withMessages(order, [type]));
  }
}
