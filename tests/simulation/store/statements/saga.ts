import type { OrderStatus } from '../../../../src/orders/order.ts';
import type { SagaStatus, StepStatus, UndoStatus } from '../../../../src/sagas/saga.ts';
import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { failWith } from '../sql-error.ts';
import { byTime, jsonOf, later, type Statements, statement } from '../statement.ts';
import { insertMessage, type NewMessage } from './messages.ts';

/** Of src/sagas: saga.sql.ts, change.sql.ts and sweeper.sql.ts. As to the order of parts see commit.ts. */
export const ofSaga: Statements = {
  lock_order: statement<[string[]]>((run, [orderIds]) => lockOrders(run, orderIds)),
  lock_orders: statement<[string[]]>((run, [orderIds]) => lockOrders(run, orderIds, 'nowait')),

  read_locked_orders: statement<[string[]]>((run, [orderIds]) =>
    orderIds.flatMap((orderId) => {
      const order = run.row('orders', [orderId]);
      const saga = run.row('sagas', [orderId]);
      const [payment] = run.rows('payments', { is: (each) => each.order_id === orderId });
      if (order === null || saga === null || payment === undefined) return [];
      const steps = run
        .rows('saga_steps', { is: (each) => each.order_id === orderId })
        .sort((left, right) => left.position - right.position)
        .map(({ step, status, undo, attempts, undo_attempts: undoAttempts, detail }) => {
          return { step, status, undo, attempts, undoAttempts, detail };
        });
      return [
        {
          orderId,
          ...orderColumns(order),
          ...paymentColumns(payment),
          sagaName: saga.name,
          sagaStatus: saga.status,
          steps,
        },
      ];
    }),
  ),

  apply_saga_changes: statement<SagaChangeValues>((run, values) => {
    const [orders, steps, events, messages, audit, inbox, answers, settledIds, settledTypes, settledBy] = values;
    const changes = jsonOf<OrderChange[]>(orders);
    const changed = changes.flatMap((change) => writeOrder(run, change));
    settleLetters(run, settledIds, settledTypes, settledBy);
    answer(run, jsonOf<Answer[]>(answers));
    for (const item of jsonOf<NewItem[]>(inbox)) insertItem(run, item);
    for (const entry of jsonOf<NewEntry[]>(audit)) run.insert('audit_entries', entry);
    for (const { order_id, status } of changes) {
      if (status !== 'cancelled') continue;
      const isNeverPaid = (each: Row<'payments'>): boolean => each.order_id === order_id && each.status === 'intended';
      run.update('payments', { is: isNeverPaid }, () => ({ status: 'abandoned' as const, status_since: run.now }));
    }
    for (const message of jsonOf<NewMessage[]>(messages)) insertMessage(run, message);
    for (const event of jsonOf<NewEvent[]>(events)) insertEvent(run, event);
    for (const step of jsonOf<NewStep[]>(steps)) writeStep(run, step);
    for (const { order_id, saga_status: status } of changes) {
      if (status !== null) run.update('sagas', { key: [order_id] }, () => ({ status, status_since: run.now }));
    }
    return changed;
  }),

  overdue_orders: statement<[number]>((run, [count]) =>
    run
      .rows('orders', { is: (order) => order.deadline_at !== null && order.deadline_at < run.now })
      .sort((left, right) => byTime(left.deadline_at as Date, right.deadline_at as Date))
      .slice(0, count)
      .map(({ order_id: orderId }) => ({ orderId })),
  ),

  is_order_overdue: statement<[string]>((run, [orderId]) => {
    const deadlineAt = run.row('orders', [orderId])?.deadline_at ?? null;
    return deadlineAt !== null && deadlineAt < run.now ? [{ '?column?': 1 }] : [];
  }),

  take_turn: statement<[string]>((run, [task]) => [{ taken: run.takeTurn(`onetill sweeper ${task}`) }]),

  put_order_off: statement<[string, string, string, string]>((run, [orderId, item_id, reason, owner]) => {
    const postponed = run.update('orders', { key: [orderId], is: (order) => order.deadline_at !== null }, () => {
      return { deadline_at: later(run.now, 10 * 60_000) };
    });
    const made = postponed.filter(({ merchant_id }) =>
      insertItem(run, {
        item_id,
        merchant_id,
        order_id: orderId,
        kind: 'step_parked',
        subject: orderId,
        reason,
        owner,
      }),
    );
    return made.length;
  }),
};

function lockOrders(run: Running, orderIds: readonly string[], nowait?: 'nowait'): { orderId: string }[] {
  for (const orderId of orderIds) run.awaitTurn(`onetill order ${orderId}`);
  return orderIds.flatMap((orderId) => {
    const locked = run.lock('orders', { key: [orderId] }, { skipLocked: nowait !== undefined });
    if (nowait !== undefined && locked.length === 0 && run.row('orders', [orderId]) !== null) {
      throw failWith('lock_not_available', 'could not obtain lock on row in relation "orders"');
    }
    return locked.map(({ order_id }) => ({ orderId: order_id }));
  });
}

type SagaChangeValues = [
  orders: string,
  steps: string,
  events: string,
  messages: string,
  audit: string,
  inbox: string,
  answers: string,
  settledIds: string[],
  settledTypes: string[],
  settledBy: string[],
];

type OrderChange = {
  readonly order_id: string;
  readonly status: OrderStatus | null;
  readonly cancel_code: string | null;
  readonly deadline_in_ms: number | null;
  readonly next_sequence: number;
  readonly event_count: number;
  readonly saga_status: SagaStatus | null;
};

type NewStep = {
  readonly order_id: string;
  readonly step: string;
  readonly position: number;
  readonly status: StepStatus;
  readonly undo: UndoStatus;
  readonly attempts: number;
  readonly undo_attempts: number;
  readonly detail: string | null;
};

type NewEvent = {
  readonly event_id: string;
  readonly merchant_id: string;
  readonly order_id: string;
  readonly sequence: number;
  readonly type: string;
  readonly schema_version: number;
  readonly data: unknown;
  readonly traceparent: string | null;
};

type NewEntry = {
  readonly entry_id: string;
  readonly merchant_id: string;
  readonly order_id: string;
  readonly actor: string;
  readonly action: string;
  readonly detail: string | null;
};

type NewItem = Pick<
  Row<'operator_inbox'>,
  'item_id' | 'merchant_id' | 'order_id' | 'kind' | 'subject' | 'reason' | 'owner'
>;

type Answer = {
  readonly order_id: string;
  readonly kind: string;
  readonly subject: string | null;
  readonly resolution: string;
  readonly closed_by: string;
};

function orderColumns(order: Row<'orders'>) {
  return {
    merchantId: order.merchant_id,
    status: order.status,
    currency: order.currency,
    totalMinor: order.total_minor,
    shipToCountry: order.ship_to_country,
    billingCountry: order.billing_country,
    cancelCode: order.cancel_code,
    nextSequence: order.next_sequence,
  };
}

function paymentColumns(payment: Row<'payments'>) {
  return {
    paymentId: payment.payment_id,
    provider: payment.provider,
    paymentStatus: payment.status,
    amountMinor: payment.amount_minor,
    authorisedMinor: payment.authorised_minor,
    providerReference: payment.provider_reference,
    declineCode: payment.decline_code,
  };
}

function writeOrder(run: Running, change: OrderChange): { orderId: string }[] {
  const { order_id, status, cancel_code, deadline_in_ms, next_sequence, event_count } = change;
  const deadlineAt = deadline_in_ms === null ? null : later(run.now, deadline_in_ms);
  return run
    .update('orders', { key: [order_id], is: (order) => order.next_sequence === next_sequence }, (order) => ({
      status: status ?? order.status,
      status_since: status !== null && status !== order.status ? run.now : order.status_since,
      cancel_code: cancel_code ?? order.cancel_code,
      deadline_at: status === null ? order.deadline_at : deadlineAt,
      next_sequence: order.next_sequence + event_count,
    }))
    .map(({ order_id: orderId }) => ({ orderId }));
}

function writeStep(run: Running, step: NewStep): void {
  const ended_at = ['done', 'refused', 'abandoned'].includes(step.status) ? run.now : null;
  const undone_at = step.undo === 'done' ? run.now : null;
  run.insert(
    'saga_steps',
    { ...step, ended_at, undone_at },
    {
      on: 'primary',
      update: (before) => ({
        status: step.status,
        undo: step.undo,
        attempts: step.attempts,
        undo_attempts: step.undo_attempts,
        detail: step.detail,
        ended_at: before.ended_at ?? ended_at,
        undone_at,
      }),
    },
  );
}

function settleLetters(run: Running, ids: readonly string[], types: readonly string[], by: readonly string[]): void {
  const indexOf = ({ order_id, type }: Row<'dead_letters'>): number =>
    ids.findIndex((id, index) => id === order_id && types[index] === type);
  const isSettled = (letter: Row<'dead_letters'>): boolean => letter.status === 'open' && indexOf(letter) >= 0;
  run.update('dead_letters', { is: isSettled }, (letter) => ({
    status: 'discarded' as const,
    settled_at: run.now,
    settled_by: by[indexOf(letter)] ?? null,
    settled_why: 'not needed: another message of the same cause has settled it',
  }));
}

/** Of several answers to one question the first one counts. */
function answer(run: Running, given: readonly Answer[]): void {
  const answerTo = (item: Row<'operator_inbox'>): Answer | undefined =>
    given.find(({ order_id, kind, subject }) => {
      return order_id === item.order_id && kind === item.kind && (subject === null || subject === item.subject);
    });
  const isAnswered = (item: Row<'operator_inbox'>): boolean => item.closed_at === null && answerTo(item) !== undefined;
  run.update('operator_inbox', { is: isAnswered }, (item) => {
    const { closed_by = null, resolution = null } = answerTo(item) ?? {};
    return { closed_at: run.now, closed_by, resolution };
  });
}

function insertEvent(run: Running, event: NewEvent): void {
  const [position, transaction_id] = [run.nextPosition(), run.transactionId()];
  run.insert('domain_events', { ...event, position, transaction_id });
}

function insertItem(run: Running, item: NewItem): boolean {
  return run.insert('operator_inbox', item, { on: 'one_open_item_per_subject' }) !== null;
}
