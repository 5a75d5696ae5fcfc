import type { Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, type OrderRow, repeated } from './lookups.ts';

/**
 * The events of an order are 1, 2, 3, … with no gap, the timeline has all of them in the same order, and what they tell
 * is a life that an order can have: told again here, so that a wrong table of transitions is no excuse.
 */
export const eventsInOrder: Judge = {
  promise: 7,
  file: 'tests/judges/promise-7-events-in-order.ts',
  compares: 'the events of each order against their numbers, the timeline, and the order as it stands',
  judge({ ours }) {
    const events = byOrder(ours.domain_events);
    const timeline = byOrder(ours.order_timeline);
    const orderIds = new Set(ours.orders.map(({ order_id }) => order_id));
    const strangers = [...new Set([...events.keys(), ...timeline.keys()])].filter((orderId) => !orderIds.has(orderId));
    return [
      ...strangers.map((orderId) => about(orderId, 'has events, and is not there')),
      ...repeated(ours.domain_events, ({ event_id }) => event_id).map((eventId) => about(eventId, 'is an event twice')),
      ...ours.orders.flatMap((order) => {
        const told = inSequence(events.get(order.order_id) ?? []);
        const shown = inSequence(timeline.get(order.order_id) ?? []);
        return [...numbers(order, told), ...sameTimeline(order, told, shown), ...life(order, told)];
      }),
    ];
  },
};

type Event = Tables['domain_events'][number];

function inSequence<Row extends { readonly sequence: number }>(rows: readonly Row[]): Row[] {
  return [...rows].sort((left, right) => left.sequence - right.sequence);
}

function about(orderId: string, says: string): Violation {
  return { promise: 7, subject: `order ${orderId}`, says };
}

function numbers(order: OrderRow, events: readonly Event[]): Violation[] {
  const wrong = events.findIndex(({ sequence }, index) => sequence !== index + 1);
  const found: (string | false)[] = [
    wrong !== -1 && `its events are ${events.map(({ sequence }) => sequence).join(', ')}`,
    order.next_sequence !== events.length + 1 && `has ${events.length} events, and the next is ${order.next_sequence}`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about(order.order_id, says)]));
}

function sameTimeline(
  order: OrderRow,
  events: readonly Event[],
  timeline: readonly Tables['order_timeline'][number][],
): Violation[] {
  const told = events.map(({ sequence, type }) => `${sequence} ${type}`).join(', ');
  const shown = timeline.map(({ sequence, type }) => `${sequence} ${type}`).join(', ');
  return told === shown
    ? []
    : [about(order.order_id, `its events are ${told}; its timeline has ${shown || 'nothing'}`)];
}

type Point = 'uncommitted' | OrderRow['status'];

/** Where each event leads from each point of an order's life; what is not listed cannot happen there. */
const leads: { readonly [From in Point]: Readonly<Record<string, Point>> } = {
  uncommitted: { OrderPending: 'pending' },
  pending: {
    OrderHeld: 'on_hold',
    PaymentAuthorized: 'pending',
    PaymentDeclined: 'pending',
    OrderPlaced: 'confirmed',
    OrderCancelling: 'cancelling',
  },
  on_hold: { OrderReleased: 'pending', OrderCancelling: 'cancelling' },
  // A payment's answer may come after the order went back.
  cancelling: {
    PaymentAuthorized: 'cancelling',
    PaymentDeclined: 'cancelling',
    PaymentVoided: 'cancelling',
    StockReleased: 'cancelling',
    OrderCancelled: 'cancelled',
  },
  cancelled: { PaymentAuthorized: 'cancelled', PaymentDeclined: 'cancelled', PaymentVoided: 'cancelled' },
  confirmed: {},
};

function life(order: OrderRow, events: readonly Event[]): Violation[] {
  let point: Point = 'uncommitted';
  let paid = 0;
  for (const { type, data, sequence } of events) {
    const next: Point | undefined = leads[point][type];
    const at = `event ${sequence}, ${type},`;
    if (next === undefined) return [about(order.order_id, `${at} cannot follow: the order was ${point}`)];
    const isForward = point === 'pending';
    if (isForward && type === 'PaymentAuthorized') paid += 1;
    if (type === 'OrderPlaced' && paid !== 1) return [about(order.order_id, `${at} follows ${paid} authorisations`)];
    if (type === 'OrderCancelling' && paid > 0) return [about(order.order_id, `${at} goes back after the pivot`)];
    if (type === 'OrderCancelling' || type === 'OrderCancelled') {
      const code = (data as { code?: unknown } | null)?.code;
      if (code !== order.cancel_code)
        return [about(order.order_id, `${at} says ${code}, the order ${order.cancel_code}`)];
    }
    point = next;
  }
  return point === order.status ? [] : [about(order.order_id, `is ${order.status}, and its events end at ${point}`)];
}
