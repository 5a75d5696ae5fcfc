import type { Evidence, Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, leftToPeople, type OrderRow } from './lookups.ts';

/**
 * Every committed order has ended, with all its money and stock given back or sold, and nothing is left to do. What
 * waits for a person is accepted where the run allows it, and only with an open item that tells that person.
 */
export const everyOrderEnds: Judge = {
  promise: 5,
  file: 'tests/judges/promise-5-every-order-ends.ts',
  compares:
    'each order against its saga, steps, payment and reservations, and what is left in the queues against nothing',
  judge(evidence) {
    const look = lookUp(evidence);
    return [
      ...evidence.ours.orders.flatMap((order) => [...isWhole(look, order), ...hasEnded(look, order)]),
      ...evidence.ours.operator_inbox.flatMap((item) => isAnswered(look, item)),
      ...evidence.ours.messages.flatMap((message) => isFarAhead(evidence, look, message)),
      ...evidence.ours.dead_letters.flatMap((letter) => isSettled(evidence, look, letter)),
    ];
  },
};

type Step = Tables['saga_steps'][number];

type Look = {
  readonly orders: ReadonlyMap<string, readonly OrderRow[]>;
  readonly sagas: ReadonlyMap<string, readonly Tables['sagas'][number][]>;
  readonly steps: ReadonlyMap<string, readonly Step[]>;
  readonly payments: ReadonlyMap<string, readonly Tables['payments'][number][]>;
  readonly reservations: ReadonlyMap<string, readonly Tables['reservations'][number][]>;
  readonly lines: ReadonlyMap<string, readonly Tables['order_lines'][number][]>;
  readonly openLetters: ReadonlyMap<string, readonly Tables['dead_letters'][number][]>;
  /** Orders on hold about which a person is asked; empty where nothing may be left to people. */
  readonly reviews: ReadonlySet<string>;
  readonly people: ReadonlySet<string>;
};

function lookUp(evidence: Evidence): Look {
  const { ours } = evidence;
  const people = leftToPeople(evidence);
  const reviews = ours.operator_inbox.filter(({ closed_at, kind }) => closed_at === null && kind === 'fraud_review');
  return {
    orders: byOrder(ours.orders),
    sagas: byOrder(ours.sagas),
    steps: byOrder(ours.saga_steps),
    payments: byOrder(ours.payments),
    reservations: byOrder(ours.reservations),
    lines: byOrder(ours.order_lines),
    openLetters: byOrder(ours.dead_letters.filter(({ status }) => status === 'open')),
    reviews: new Set(reviews.flatMap(({ order_id }) => (order_id !== null && people.has(order_id) ? [order_id] : []))),
    people,
  };
}

function about(order: { readonly order_id: string }, says: string): Violation {
  return { promise: 5, subject: `order ${order.order_id}`, says };
}

/** What was committed together is there together: half a commit is none. */
function isWhole(look: Look, order: OrderRow): Violation[] {
  const count = (rows: ReadonlyMap<string, readonly unknown[]>): number => rows.get(order.order_id)?.length ?? 0;
  const found: (string | false)[] = [
    count(look.orders) !== 1 && `is there ${count(look.orders)} times`,
    count(look.sagas) !== 1 && `has ${count(look.sagas)} sagas`,
    count(look.payments) !== 1 && `has ${count(look.payments)} payments`,
    count(look.lines) === 0 && 'has no lines',
    count(look.reservations) === 0 && 'has no reservations',
    count(look.steps) === 0 && 'has no steps',
  ];
  return found.flatMap((says) => (says === false ? [] : [about(order, says)]));
}

function hasEnded(look: Look, order: OrderRow): Violation[] {
  switch (order.status) {
    case 'confirmed':
      return confirmed(look, order);
    case 'cancelled':
      return cancelled(look, order);
    case 'on_hold':
      return held(look, order);
    case 'pending':
    case 'cancelling':
      return waitsForPerson(look, order) ? [] : [about(order, `is ${order.status} and nobody has been told`)];
    default:
      return [about(order, `is ${String(order.status)}, which is no status of an order`)];
  }
}

/** A person has been told of the order, and has the letter to act on: what is parked can be taken up again. */
function waitsForPerson(look: Look, order: OrderRow): boolean {
  const letters = look.openLetters.get(order.order_id) ?? [];
  return look.people.has(order.order_id) && letters.length > 0 && (order.deadline_at !== null || isFinal(order));
}

function isFinal({ status }: OrderRow): boolean {
  return status === 'confirmed' || status === 'cancelled';
}

function confirmed(look: Look, order: OrderRow): Violation[] {
  const undos = stepsOf(look, order).filter(({ undo }) => undo !== 'none' && undo !== 'registered');
  const open = stepsOf(look, order).filter(({ status }) => status !== 'done');
  return [
    ...expected(look, order, { saga: ['completed'], payment: ['authorised', 'captured', 'refunded'], stock: 'sold' }),
    ...undos.map(({ step, undo }) => about(order, `is confirmed, and the undo of ${step} is ${undo}`)),
    ...open.map(({ step, status }) => about(order, `is confirmed, and ${step} is ${status}`)),
  ];
}

function cancelled(look: Look, order: OrderRow): Violation[] {
  // Money that comes late opens the undo of an order that has ended; if that fails too, a person is told.
  if (waitsForPerson(look, order)) return [];
  const undos = stepsOf(look, order).filter(({ undo }) => undo !== 'none' && undo !== 'done');
  const open = stepsOf(look, order).filter(({ status }) => status === 'running' || status === 'waiting');
  return [
    ...expected(look, order, {
      saga: ['compensated'],
      payment: ['declined', 'voided', 'abandoned'],
      stock: 'released',
    }),
    ...(order.cancel_code === null ? [about(order, 'is cancelled for no reason')] : []),
    ...undos.map(({ step, undo }) => about(order, `is cancelled, and the undo of ${step} is ${undo}`)),
    ...open.map(({ step, status }) => about(order, `is cancelled, and ${step} is ${status}`)),
  ];
}

function held(look: Look, order: OrderRow): Violation[] {
  if (!look.reviews.has(order.order_id)) return [about(order, 'is on hold, and no question about it may wait')];
  return [
    ...(order.deadline_at === null ? [about(order, 'is on hold for ever: it has no deadline')] : []),
    ...expected(look, order, { saga: ['waiting'], payment: ['intended'], stock: 'held' }, 'may wait'),
  ];
}

function expected(
  look: Look,
  order: OrderRow,
  wanted: { readonly saga: readonly string[]; readonly payment: readonly string[]; readonly stock: string },
  deadline: 'none' | 'may wait' = 'none',
): Violation[] {
  const saga = look.sagas.get(order.order_id)?.[0]?.status ?? 'missing';
  const payment = look.payments.get(order.order_id)?.[0]?.status ?? 'missing';
  const stock = (look.reservations.get(order.order_id) ?? []).filter(({ status }) => status !== wanted.stock);
  const found: (string | false)[] = [
    !wanted.saga.includes(saga) && `is ${order.status}, and its saga is ${saga}`,
    !wanted.payment.includes(payment) && `is ${order.status}, and its payment is ${payment}`,
    stock.length > 0 && `is ${order.status}, and ${stock.map(({ sku, status }) => `${sku} is ${status}`).join(', ')}`,
    deadline === 'none' && order.deadline_at !== null && `is ${order.status}, and has a deadline`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about(order, says)]));
}

function stepsOf(look: Look, { order_id }: OrderRow): readonly Step[] {
  return look.steps.get(order_id) ?? [];
}

/**
 * Nobody is asked about an order that has ended: whatever the question was, the end has answered it. Of money that came
 * late, which no order knows of, only people can say what became.
 */
function isAnswered(look: Look, { order_id, kind, closed_at }: Tables['operator_inbox'][number]): Violation[] {
  const order = look.orders.get(order_id ?? '')?.[0];
  if (order === undefined || closed_at !== null || kind === 'late_money' || !isFinal(order)) return [];
  return waitsForPerson(look, order) ? [] : [about(order, `is ${order.status}, and a person is still asked (${kind})`)];
}

/** Nearer than this, a message is work that is not done. */
const farAheadMs = 15_000;

/** What waits at rest is only what was put off on purpose, and that is far ahead: nothing that failed. */
function isFarAhead({ takenAt }: Evidence, look: Look, message: Tables['messages'][number]): Violation[] {
  const order = look.orders.get(message.order_id ?? '')?.[0];
  const isAhead = takenAt instanceof Date && message.available_at.getTime() - takenAt.getTime() >= farAheadMs;
  const isLook = message.type === 'check-payment' && order !== undefined && isFinal(order);
  if (message.attempt === 0 && (takenAt instanceof Date ? isAhead : isLook)) return [];
  const { type, message_id, attempt } = message;
  const says = `${type} waits in ${message.queue} after ${attempt} attempts, of order ${message.order_id}`;
  return [{ promise: 5, subject: `message ${message_id}`, says }];
}

function isSettled(evidence: Evidence, look: Look, letter: Tables['dead_letters'][number]): Violation[] {
  const isTold = letter.order_id === null || look.people.has(letter.order_id);
  if (letter.status !== 'open' || (evidence.allowsPeople === true && isTold)) return [];
  return [
    { promise: 5, subject: `dead letter ${letter.message_id}`, says: `${letter.type} is given up: ${letter.reason}` },
  ];
}
