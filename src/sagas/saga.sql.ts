import type { OrderStatus } from '../orders/order.ts';
import type { Payment } from '../payments/payment.ts';
import { present } from '../shared/assert.ts';
import { type Currency, currencyOf } from '../shared/money.ts';
import type { SetStatement, Transaction } from '../shared/postgres/client.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import { onlineOrder } from './online-order.ts';
import type { SagaDefinition, SagaState, SagaStatus, StepState } from './saga.ts';

/** An order with its saga and payment, its row locked until the transaction ends: all that a step may need. */
export type SagaOrder = {
  readonly orderId: string;
  readonly merchantId: string;
  readonly currency: Currency;
  readonly totalMinor: bigint;
  readonly shipToCountry: string;
  readonly billingCountry: string | null;
  readonly nextSequence: number;
  readonly traceparent: string | null;
  readonly saga: SagaState;
  readonly payment: Payment;
};

const definitions: readonly SagaDefinition[] = [onlineOrder];

type Row = {
  orderId: string;
  merchantId: string;
  status: OrderStatus;
  currency: string;
  totalMinor: bigint;
  shipToCountry: string;
  billingCountry: string | null;
  cancelCode: string | null;
  nextSequence: number;
  sagaName: string;
  sagaStatus: SagaStatus;
  steps: StepState[];
  paymentId: string;
  provider: string;
  paymentStatus: Payment['status'];
  amountMinor: bigint;
  authorisedMinor: bigint;
  providerReference: string | null;
  declineCode: string | null;
};

/**
 * Locks an order and reads it; null if there is none. Whoever changes an order, its saga, its steps or its payment
 * holds this lock; whoever writes events of it takes the lock before the transaction has written anything else.
 */
export async function lockOrder(
  tx: Transaction,
  orderId: string,
  traceparent: string | null,
): Promise<SagaOrder | null> {
  if (!(await tx.each(lockOrders, orderId))) return null;
  // A statement of its own: its snapshot is taken after the lock is had, so it sees what the last holder wrote.
  const row = await tx.each(readLockedOrders, orderId);
  return toOrder(orderId, present(row, `the saga and payment of order ${orderId}`), traceparent);
}

/**
 * In order of their ids, so that no two transactions wait for each other in a circle. The waiting is done for advisory
 * locks, all of them before the first row is locked: a row lock gives the transaction its id, and events are read in
 * the order of these ids (promise 7). One that had its id, and then waited for the next order, would write the next
 * event of that order under a lower id than the event before it has. A release that knows no advisory locks may hold a
 * row: then many orders do not wait (lock_not_available), and are tried again one by one.
 */
const lockOrders: SetStatement<string, boolean> = async (db, orderIds) => {
  const statement = orderIds.length === 1 ? lockOne : lockMany;
  const rows = await db.query<{ orderId: string }>({ ...statement, values: [[...orderIds].sort()] });
  const locked = new Set(rows.map(({ orderId }) => orderId));
  return orderIds.map((orderId) => locked.has(orderId));
};

const lockOne = {
  name: 'lock_order',
  text: `
    select order_id as "orderId" from orders
    where order_id = any($1::uuid[])
      and (select count(pg_advisory_xact_lock(hashtextextended('onetill order ' || id, 0)))
           from unnest($1::uuid[]) as id) > 0
    for update`,
};

const lockMany = {
  name: 'lock_orders',
  text: `
    select order_id as "orderId" from orders
    where order_id = any($1::uuid[])
      and (select count(pg_advisory_xact_lock(hashtextextended('onetill order ' || id, 0)))
           from unnest($1::uuid[]) as id) > 0
    order by order_id
    for update nowait`,
};

const readLockedOrders: SetStatement<string, Row | null> = async (db, orderIds) => {
  const rows = await db.query<Row>({
    name: 'read_locked_orders',
    text: `
      select o.order_id as "orderId", o.merchant_id as "merchantId", o.status, o.currency,
             o.total_minor as "totalMinor", o.ship_to_country as "shipToCountry",
             o.billing_country as "billingCountry", o.cancel_code as "cancelCode",
             o.next_sequence as "nextSequence", s.name as "sagaName", s.status as "sagaStatus",
             p.payment_id as "paymentId", p.provider, p.status as "paymentStatus", p.amount_minor as "amountMinor",
             p.authorised_minor as "authorisedMinor", p.provider_reference as "providerReference",
             p.decline_code as "declineCode",
             (select coalesce(jsonb_agg(jsonb_build_object('step', t.step, 'status', t.status, 'undo', t.undo,
                       'attempts', t.attempts, 'undoAttempts', t.undo_attempts, 'detail', t.detail)
                       order by t.position), '[]')
              from saga_steps t where t.order_id = o.order_id) as steps
      from orders o join sagas s using (order_id) join payments p using (order_id)
      where o.order_id = any($1::uuid[])`,
    values: [orderIds],
  });
  const byId = new Map(rows.map((row) => [row.orderId, row]));
  return orderIds.map((orderId) => byId.get(orderId) ?? null);
};

function toOrder(orderId: string, row: Row, traceparent: string | null): SagaOrder {
  const definition = present(
    definitions.find((each) => each.name === row.sagaName),
    `the saga ${row.sagaName}`,
  );
  const currency = currencyOf(row.currency);
  return {
    orderId,
    merchantId: row.merchantId,
    currency,
    totalMinor: row.totalMinor,
    shipToCountry: row.shipToCountry,
    billingCountry: row.billingCountry,
    nextSequence: row.nextSequence,
    traceparent,
    saga: {
      definition,
      status: row.sagaStatus,
      orderStatus: row.status,
      cancelCode: row.cancelCode as RefusalCode | null,
      steps: new Map(row.steps.map((step) => [step.step, step])),
    },
    payment: {
      paymentId: row.paymentId,
      provider: row.provider,
      status: row.paymentStatus,
      currency,
      amountMinor: row.amountMinor,
      authorisedMinor: row.authorisedMinor,
      providerReference: row.providerReference,
      declineCode: row.declineCode,
    },
  };
}

/** Takes the turn at a task until the transaction ends; false while another process has it. */
export async function takeTurn(tx: Transaction, task: string): Promise<boolean> {
  const rows = await tx.query<{ taken: boolean }>({
    name: 'take_turn',
    text: `select pg_try_advisory_xact_lock(hashtextextended('onetill sweeper ' || $1, 0)) as taken`,
    values: [task],
  });
  return rows[0]?.taken === true;
}
