import { type OrderShape, orderShapes, type Plan, plans } from './clean-plans.ts';
import type { ClientCall, Evidence, ProviderAuthorisation, Tables } from './evidence.ts';

type Rows = { -readonly [Table in keyof Tables]-?: NonNullable<Tables[Table]>[number][] };
type World = { readonly ours: Rows; readonly theirs: ProviderAuthorisation[]; readonly history: ClientCall[] };

export const takenAt = new Date('2026-11-21T12:00:00Z');
export const plantedString = '4000 0566 5566 5556';
const merchant_id = 'demo';
const caller_id = 'shop';
const unitPriceMinor = 255n;
const shippingMinor = 395n;

/**
 * The evidence of a run in which every promise was kept, made up row by row: an order of each kind, and what is no
 * order, such as a refusal, a cancelled checkout, a lost call that did nothing. No judge may say anything of it, and in
 * it the canaries plant what judges must find.
 */
export function cleanEvidence(shapes: readonly OrderShape[] = orderShapes): Evidence {
  const world: World = { ours: emptyRows(), theirs: [], history: [] };
  for (const [index, shape] of shapes.entries()) addOrder(world, shape, index + 1);
  addRefusal(world, shapes.length + 1);
  addCancelled(world, shapes.length + 2);
  addStock(world.ours);
  world.ours.messages_written.push(...writtenOf(world.ours));
  return {
    ...world,
    allowsPeople: true,
    takenAt,
    planted: [plantedString],
    texts: [{ where: 'log', text: 'checkout opened\norder committed\n' }],
  };
}

function emptyRows(): Rows {
  const names = [
    ...['stock', 'stock_adjustments', 'checkouts', 'quotes', 'commit_keys', 'orders', 'order_lines', 'reservations'],
    ...['payments', 'payment_attempts', 'sagas', 'saga_steps', 'messages', 'messages_handled', 'dead_letters'],
    ...['domain_events', 'order_timeline', 'operator_inbox', 'webhooks_received', 'messages_written'],
  ];
  return Object.fromEntries(names.map((name) => [name, []])) as unknown as Rows;
}

/** An id that says what it is of: kind, order, and which one of the order. */
function idOf(kind: number, order: number, which = 0): string {
  const digits = (value: number, count: number): string => String(value).padStart(count, '0');
  return `${digits(kind, 8)}-${digits(which, 4)}-7000-8000-${digits(order, 12)}`;
}

function addCheckout(world: World, number: number, quantity: number, more: Partial<Rows['checkouts'][number]>) {
  const checkout_id = idOf(1, number);
  const goodsMinor = unitPriceMinor * BigInt(quantity);
  const total_minor = goodsMinor + shippingMinor;
  const line = { lineId: 'li_1', sku: 'PLENTY', title: 'Plenty', quantity };
  world.ours.checkouts.push({
    ...{ checkout_id, merchant_id, caller_id, status: 'open', quote_version: 1, order_id: null },
    ...more,
  });
  world.ours.quotes.push({
    checkout_id,
    version: 1,
    currency: 'GBP',
    total_minor,
    content: {
      lines: [{ ...line, unitPriceMinor: String(unitPriceMinor), totalMinor: String(goodsMinor) }],
      shippingMinor: String(shippingMinor),
      subtotalMinor: String(goodsMinor),
      totalMinor: String(total_minor),
    },
  });
  const created = { checkoutStatus: 'ready_for_complete', orderId: null, shownCheckoutId: checkout_id };
  const answerSha256 = `created ${number}`;
  addKey(world.ours, 'create', number, { outcome: 'written', version: 1 }, null);
  addCall(world, 'create', number, { kind: 'ok', ...created, totalMinor: total_minor, answerSha256 }, null);
  return { checkout_id, goodsMinor, total_minor };
}

function addKey(
  ours: Rows,
  operation: ClientCall['operation'],
  number: number,
  outcome: unknown,
  order_id: string | null,
): void {
  ours.commit_keys.push({
    ...{ merchant_id, caller_id, operation, idempotency_key: `${operation}-${number}`, order_id, outcome },
    request_sha256: Buffer.from(`${number}`.padStart(32, '0')),
    checkout_id: idOf(1, number),
  });
}

function addCall(
  world: World,
  operation: ClientCall['operation'],
  number: number,
  outcome: ClientCall['outcome'],
  seenTotalMinor: bigint | null,
): void {
  const count = world.history.length + 1;
  world.history.push({
    number: count,
    begunWhenEnded: count,
    client: 'buyer',
    operation,
    idempotencyKey: operation === 'read' ? null : `${operation}-${number}`,
    saysVersion: false,
    requestSha256: Buffer.from(`${number}`.padStart(32, '0')).toString('hex'),
    checkoutId: operation === 'create' ? null : idOf(1, number),
    seenTotalMinor,
    outcome,
  });
}

function addOrder(world: World, shape: OrderShape, number: number): void {
  const plan = plans[shape];
  const { ours } = world;
  const order_id = idOf(2, number);
  const quantity = (number % 3) + 1;
  const checkout = addCheckout(world, number, quantity, { status: 'completing', order_id });
  const { checkout_id, goodsMinor, total_minor } = checkout;
  const isFinal = plan.status === 'confirmed' || plan.status === 'cancelled';
  addKey(ours, 'complete', number, { outcome: 'committed', orderId: order_id, version: 1 }, order_id);
  ours.orders.push({
    ...{ order_id, merchant_id, caller_id, checkout_id, quote_version: 1, status: plan.status, currency: 'GBP' },
    total_minor,
    cancel_code: plan.code,
    next_sequence: plan.events.length + 1,
    deadline_at: isFinal ? null : new Date('2026-11-24T12:00:00Z'),
  });
  const line = { sku: 'PLENTY', quantity, unit_price_minor: unitPriceMinor, total_minor: goodsMinor };
  ours.order_lines.push({ order_id, line_number: 1, ...line });
  ours.reservations.push({ order_id, merchant_id, sku: 'PLENTY', units: BigInt(quantity), status: plan.stock });
  ours.sagas.push({ order_id, status: plan.saga });
  ours.saga_steps.push(...plan.steps.map((each) => ({ order_id, ...each })));
  addMoney(world, plan, number, total_minor);
  addMessages(ours, plan, number);
  addEvents(ours, plan, order_id);
  addPeople(ours, shape, number);
  addAnswers(world, shape, number, total_minor);
}

function addMoney(world: World, plan: Plan, number: number, total_minor: bigint): void {
  const { ours } = world;
  const [order_id, payment_id] = [idOf(2, number), idOf(3, number)];
  const entries = plan.theirs.map((status, index) => ({ id: `auth_${number}_${index}`, status }));
  const isKnown = plan.theirs.length > 0 && plan.payment !== 'declined';
  ours.payments.push({
    ...{ payment_id, order_id, status: plan.payment, currency: 'GBP', amount_minor: total_minor, captured_minor: 0n },
    authorised_minor: isKnown ? total_minor : 0n,
    provider_reference: isKnown ? (entries[0]?.id ?? null) : null,
    next_check_at: plan.payment === 'voiding' ? takenAt : null,
  });
  ours.payment_attempts.push(
    ...plan.attempts.map((kind) => {
      return { order_id, kind, provider_key: `${order_id}-${kind}`, outcome: 'done', calls: 1 };
    }),
  );
  world.theirs.push(
    ...entries.map(({ id, status }): ProviderAuthorisation => {
      const isRefunded = status === 'refunded';
      const movedMinor = isRefunded ? total_minor : 0n;
      const moved = { capturedMinor: movedMinor, refundedMinor: movedMinor, captures: isRefunded ? 1 : 0 };
      const amounts = { amountMinor: total_minor, ...moved };
      return { id, status, key: `${order_id}-authorise`, reference: payment_id, currency: 'GBP', ...amounts };
    }),
  );
}

function addMessages(ours: Rows, plan: Plan, number: number): void {
  const order_id = idOf(2, number);
  plan.handled.forEach((type, index) => {
    const consumer = type === 'handle-webhook' ? 'webhooks' : 'saga';
    ours.messages_handled.push({ consumer, message_id: idOf(4, number, index), type, order_id });
    if (consumer === 'webhooks') {
      ours.webhooks_received.push({ provider: 'simulated', event_id: `evt_${number}_${index}`, handled_at: takenAt });
    }
  });
  if (plan.payment !== 'abandoned' || plan.attempts.length === 0) return;
  // The provider is asked once more about a payment that it had never seen.
  ours.messages.push({
    ...{ message_id: idOf(5, number), queue: 'payments', type: 'check-payment', order_id, idempotency_key: order_id },
    attempt: 0,
    available_at: new Date(takenAt.getTime() + 900_000),
  });
}

function addEvents(ours: Rows, plan: Plan, order_id: string): void {
  plan.events.forEach((type, index) => {
    const sequence = index + 1;
    const data = type === 'OrderCancelling' || type === 'OrderCancelled' ? { code: plan.code } : {};
    ours.domain_events.push({ event_id: `${order_id} event ${sequence}`, order_id, sequence, type, data });
    ours.order_timeline.push({ order_id, sequence, type });
  });
}

function addPeople(ours: Rows, shape: OrderShape, number: number): void {
  const order_id = idOf(2, number);
  const ask = (kind: string, closed_at: Date | null): void => {
    ours.operator_inbox.push({ item_id: idOf(6, number), order_id, kind, reason: 'a reason', closed_at });
  };
  if (shape === 'on hold') ask('fraud_review', null);
  if (shape === 'released from hold') ask('fraud_review', takenAt);
  if (shape !== 'parked') return;
  ask('compensation_parked', null);
  const letter = { type: 'void-authorisation', order_id, reason: 'gave up after 20 attempts', status: 'open' } as const;
  ours.dead_letters.push({ message_id: idOf(7, number), ...letter });
}

/** What the buyer was told: that the order is in progress, and later, asking again, how it ended. */
function addAnswers(world: World, shape: OrderShape, number: number, totalMinor: bigint): void {
  const { status, code } = plans[shape];
  const lost: ClientCall['outcome'] = { kind: 'unknown', reason: 'ECONNRESET' };
  const tell = (checkoutStatus: string): ClientCall['outcome'] => {
    const shown = { orderId: idOf(2, number), shownCheckoutId: idOf(1, number), totalMinor };
    return { kind: 'ok', checkoutStatus, ...shown, answerSha256: `${checkoutStatus} ${number}` };
  };
  const refuse = (why: string): ClientCall['outcome'] => {
    return { kind: 'refused', code: why, answerSha256: `${why} ${number}` };
  };
  const outcomes = {
    confirmed: [tell('complete_in_progress'), tell('completed'), tell('complete_in_progress')],
    cancelled: [tell('complete_in_progress'), refuse(code ?? '')],
    on_hold: [tell('complete_in_progress')],
    cancelling: [tell('complete_in_progress')],
    pending: [],
  }[status];
  const heard = shape === 'confirmed, no answer' ? [] : outcomes;
  const all = shape.startsWith('confirmed, ') ? [lost, ...heard] : heard;
  for (const outcome of all) addCall(world, 'complete', number, outcome, totalMinor);
  if (status === 'confirmed') addCall(world, 'read', number, tell('completed'), null);
}

/** A complete that was refused for good, and one that was lost before it did anything. */
function addRefusal(world: World, number: number): void {
  const { total_minor } = addCheckout(world, number, 2, {});
  addKey(world.ours, 'complete', number, { outcome: 'refused', refusal: { code: 'out_of_stock' }, version: 1 }, null);
  for (let time = 0; time < 2; time += 1) {
    const answerSha256 = `refused ${number}`;
    addCall(world, 'complete', number, { kind: 'refused', code: 'out_of_stock', answerSha256 }, total_minor);
  }
  const lost = { kind: 'unknown', reason: 'ECONNREFUSED' } as const;
  world.history.push({ ...world.history[0], ...callAt(world), idempotencyKey: 'lost', outcome: lost } as ClientCall);
}

function callAt(world: World): Pick<ClientCall, 'number' | 'begunWhenEnded' | 'operation' | 'checkoutId'> {
  const count = world.history.length + 1;
  return { number: count, begunWhenEnded: count, operation: 'complete', checkoutId: idOf(1, 1) };
}

function addCancelled(world: World, number: number): void {
  const { checkout_id, total_minor } = addCheckout(world, number, 1, { status: 'cancelled' });
  addKey(world.ours, 'cancel', number, { outcome: 'written', version: 1 }, null);
  const shown = { checkoutStatus: 'canceled', orderId: null, shownCheckoutId: checkout_id, totalMinor: total_minor };
  addCall(world, 'cancel', number, { kind: 'ok', ...shown, answerSha256: `cancelled ${number}` }, null);
}

function addStock(ours: Rows): void {
  const units = (status: string): bigint =>
    ours.reservations.reduce((sum, each) => (each.status === status ? sum + each.units : sum), 0n);
  const free = 7n;
  const received_units = units('sold') + units('held') + free;
  const stock = { received_units, sold_units: units('sold'), held_units: units('held') };
  ours.stock.push({ merchant_id, sku: 'PLENTY', ...stock });
  ours.stock_adjustments.push(
    { merchant_id, sku: 'PLENTY', units: received_units + 3n },
    { merchant_id, sku: 'PLENTY', units: -3n },
  );
}

function writtenOf(ours: Rows): Rows['messages_written'] {
  const all = [...ours.messages, ...ours.messages_handled, ...ours.dead_letters];
  return all.map(({ message_id, type }) => ({ message_id, type }));
}
