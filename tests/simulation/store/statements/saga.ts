import type { OrderStatus } from '../../../../src/orders/order.ts';
import type { SagaStatus, StepStatus, UndoStatus } from '../../../../src/sagas/saga.ts';
import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { byTime, jsonOf, later, type Statements, statement } from '../statement.ts';
import { insertMessage, type NewMessage } from './messages.ts';

/** src/sagas/saga.sql.ts and src/sagas/sweeper.sql.ts. As to the order of parts see commit.ts. */
export const ofSaga: Statements = {
  lock_order: statement<[string]>((run, key) => run.lock('orders', { key }).map(() => ({ '?column?': 1 }))),

  read_locked_order: statement<[string]>((run, [orderId]) => {
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
      { ...orderColumns(order), ...paymentColumns(payment), sagaName: saga.name, sagaStatus: saga.status, steps },
    ];
  }),

  apply_saga_change: statement<SagaChangeValues>((run, values) => {
    const [orderId, merchantId, status, , , , , , , events, messages, audit, actor, inbox, owner] = values;
    const changed = writeOrder(run, values);
    settleLetters(run, values);
    answer(run, values);
    for (const item of jsonOf<NewItem[]>(inbox)) {
      insertItem(run, { ...item, merchant_id: merchantId, order_id: orderId, owner });
    }
    for (const entry of jsonOf<{ entry_id: string; action: string; detail: string | null }[]>(audit)) {
      run.insert('audit_entries', { ...entry, merchant_id: merchantId, order_id: orderId, actor });
    }
    if (status === 'cancelled') {
      const isNeverPaid = (each: Row<'payments'>): boolean => each.order_id === orderId && each.status === 'intended';
      run.update('payments', { is: isNeverPaid }, () => ({ status: 'abandoned' as const, status_since: run.now }));
    }
    for (const message of jsonOf<NewMessage[]>(messages)) insertMessage(run, message);
    for (const event of jsonOf<NewEvent[]>(events)) insertEvent(run, orderId, merchantId, event);
    writeSaga(run, values);
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

type SagaChangeValues = [
  orderId: string,
  merchantId: string,
  status: OrderStatus | null,
  cancelCode: string | null,
  deadlineInMs: number | null,
  nextSequence: number,
  eventCount: number,
  sagaStatus: SagaStatus | null,
  steps: string,
  events: string,
  messages: string,
  audit: string,
  actor: string,
  inbox: string,
  owner: string,
  answers: string,
  settledTypes: string[],
];

type NewStep = {
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
  readonly sequence: number;
  readonly type: string;
  readonly schema_version: number;
  readonly data: unknown;
  readonly traceparent: string | null;
};

type NewItem = {
  readonly item_id: string;
  readonly kind: Row<'operator_inbox'>['kind'];
  readonly subject: string;
  readonly reason: string;
};

type Answer = { readonly kind: string; readonly subject: string | null; readonly resolution: string };

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

function writeOrder(run: Running, values: SagaChangeValues): number {
  const [orderId, , status, cancelCode, deadlineInMs, nextSequence, eventCount] = values;
  const deadlineAt = deadlineInMs === null ? null : later(run.now, deadlineInMs);
  return run.update('orders', { key: [orderId], is: (order) => order.next_sequence === nextSequence }, (order) => ({
    status: status ?? order.status,
    status_since: status !== null && status !== order.status ? run.now : order.status_since,
    cancel_code: cancelCode ?? order.cancel_code,
    deadline_at: status === null ? order.deadline_at : deadlineAt,
    next_sequence: order.next_sequence + eventCount,
  })).length;
}

function writeSaga(run: Running, values: SagaChangeValues): void {
  const [order_id, , , , , , , status, steps] = values;
  for (const step of jsonOf<NewStep[]>(steps)) {
    const ended_at = ['done', 'refused', 'abandoned'].includes(step.status) ? run.now : null;
    const undone_at = step.undo === 'done' ? run.now : null;
    run.insert(
      'saga_steps',
      { ...step, order_id, ended_at, undone_at },
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
  if (status !== null) run.update('sagas', { key: [order_id] }, () => ({ status, status_since: run.now }));
}

function settleLetters(run: Running, values: SagaChangeValues): void {
  const [orderId, , , , , , , , , , , , actor, , , , types] = values;
  const isSettled = ({ order_id, type, status }: Row<'dead_letters'>): boolean =>
    order_id === orderId && types.includes(type) && status === 'open';
  run.update('dead_letters', { is: isSettled }, () => ({
    status: 'discarded' as const,
    settled_at: run.now,
    settled_by: actor,
    settled_why: 'not needed: another message of the same cause has settled it',
  }));
}

/** Of several answers to one question the first one counts. */
function answer(run: Running, values: SagaChangeValues): void {
  const [orderId, , , , , , , , , , , , actor, , , answers] = values;
  const given = jsonOf<Answer[]>(answers);
  const answerTo = (item: Row<'operator_inbox'>): Answer | undefined =>
    given.find(({ kind, subject }) => kind === item.kind && (subject === null || subject === item.subject));
  const isAnswered = (item: Row<'operator_inbox'>): boolean =>
    item.order_id === orderId && item.closed_at === null && answerTo(item) !== undefined;
  run.update('operator_inbox', { is: isAnswered }, (item) => {
    return { closed_at: run.now, closed_by: actor, resolution: answerTo(item)?.resolution ?? null };
  });
}

function insertEvent(run: Running, order_id: string, merchant_id: string, event: NewEvent): void {
  const [position, transaction_id] = [run.nextPosition(), run.transactionId()];
  run.insert('domain_events', { ...event, position, transaction_id, merchant_id, order_id });
}

function insertItem(
  run: Running,
  item: Pick<Row<'operator_inbox'>, 'item_id' | 'merchant_id' | 'order_id' | 'kind' | 'subject' | 'reason' | 'owner'>,
): boolean {
  return run.insert('operator_inbox', item, { on: 'one_open_item_per_subject' }) !== null;
}
