import type { Evidence } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, entriesByOrder, isLive, leftToPeople, type OrderRow, repeated, sumOf } from './lookups.ts';

type Entry = Evidence['theirs'][number];
type Payment = Evidence['ours']['payments'][number];

/**
 * At most one charge per order, of the amount that was agreed to: the provider's own books are held against our orders
 * and payments, from both sides, so that an authorisation that no order explains is found as well.
 */
export const oneCharge: Judge = {
  promise: 2,
  file: 'tests/judges/promise-2-one-charge.ts',
  compares: "the provider's own books against our orders and payments, from both sides",
  judge(evidence) {
    const { ours, theirs } = evidence;
    const entries = entriesByOrder(theirs);
    const payments = byOrder(ours.payments);
    const people = leftToPeople(evidence);
    const orderIds = new Set(ours.orders.map(({ order_id }) => order_id));
    const strangers = [...entries].filter(([orderId]) => !orderIds.has(orderId));
    return [
      ...strangers.flatMap(([, found]) => found.map((entry) => about(entry.id, `key ${entry.key} is of no order`))),
      ...repeated(theirs, ({ id }) => id).map((id) => about(id, 'is in the books twice')),
      ...repeated(ours.payment_attempts, ({ order_id, kind }) => `${order_id} ${kind}`).map((attempt) =>
        about(attempt, 'is attempted in two rows'),
      ),
      ...ours.orders.flatMap((order) => {
        const [payment, ...more] = payments.get(order.order_id) ?? [];
        if (payment === undefined || more.length > 0) return [about(order.order_id, 'does not have one payment')];
        const found = entries.get(order.order_id) ?? [];
        return [
          ...liveMoney(order, payment, found, people.has(order.order_id)),
          ...captured(order, payment, found),
          ...found.flatMap((entry) => sameTerms(order, payment, entry)),
        ];
      }),
    ];
  },
};

function about(subject: string, says: string): Violation {
  return { promise: 2, subject: `authorisation or order ${subject}`, says };
}

/** Of a confirmed order one authorisation is live, of a cancelled one none, of any other at most one. */
function liveMoney(order: OrderRow, payment: Payment, entries: readonly Entry[], isLeft: boolean): Violation[] {
  const live = entries.filter(isLive);
  const named = live.map(({ id }) => id).join(', ');
  const say = (says: string): Violation[] => [about(order.order_id, says)];
  if (order.status === 'confirmed' && live.length === 0) return say('confirmed, and no authorisation is live');
  if (live.length > 1 && !isLeft) return say(`${live.length} authorisations are live: ${named}`);
  if (order.status === 'cancelled' && live.length > 0 && !isLeft) return say(`cancelled, and ${named} is live`);
  if (order.status === 'confirmed' && !live.some(({ id }) => id === payment.provider_reference)) {
    return say(`${named} is live, and our payment names ${payment.provider_reference}`);
  }
  return [];
}

function captured(order: OrderRow, payment: Payment, entries: readonly Entry[]): Violation[] {
  const takenMinor = sumOf(entries, ({ capturedMinor }) => capturedMinor);
  const captures = entries.reduce(
    (sum, { captures: of, capturedMinor }) => sum + (of ?? (capturedMinor > 0n ? 1 : 0)),
    0,
  );
  // What was given back in full, perhaps by a person at the provider's, is not taken.
  const keptMinor = takenMinor - sumOf(entries, ({ refundedMinor }) => refundedMinor);
  const { captured_minor, authorised_minor, amount_minor } = payment;
  const isKnown = takenMinor === captured_minor || (captured_minor === 0n && keptMinor === 0n);
  const found: (string | false)[] = [
    captures > 1 && `captured ${captures} times`,
    takenMinor > amount_minor && `${takenMinor} are captured of an order of ${amount_minor}`,
    keptMinor > 0n && order.status !== 'confirmed' && `${keptMinor} are captured, and the order is ${order.status}`,
    !isKnown && `${takenMinor} are captured, and our payment says ${captured_minor}`,
    captured_minor > authorised_minor && `our payment has captured ${captured_minor} of ${authorised_minor}`,
    authorised_minor > amount_minor && `our payment has ${authorised_minor} authorised of ${amount_minor}`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about(order.order_id, says)]));
}

/** Each authorisation, live or not, was for this payment, its amount and its currency. */
function sameTerms(order: OrderRow, payment: Payment, entry: Entry): Violation[] {
  const found: (string | false)[] = [
    entry.reference !== payment.payment_id && `is for payment ${entry.reference}, ours is ${payment.payment_id}`,
    entry.currency !== payment.currency && `is in ${entry.currency}, our payment in ${payment.currency}`,
    entry.amountMinor !== payment.amount_minor && `is of ${entry.amountMinor}, our payment of ${payment.amount_minor}`,
    entry.capturedMinor > entry.amountMinor && `has ${entry.capturedMinor} captured of ${entry.amountMinor}`,
    entry.refundedMinor > entry.capturedMinor && `has ${entry.refundedMinor} refunded of ${entry.capturedMinor}`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about(`${entry.id} of order ${order.order_id}`, says)]));
}
