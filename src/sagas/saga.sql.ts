import { domainEvents } from '../messaging/events.ts';
import { messageRow } from '../messaging/messages.sql.ts';
import type { OrderStatus } from '../orders/order.ts';
import type { Payment } from '../payments/payment.ts';
import { assert, present } from '../shared/assert.ts';
import type { NewId } from '../shared/ids.ts';
import { type Currency, currencyOf } from '../shared/money.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import { answersOf, causesSettledBy } from './answers.ts';
import { onlineOrder } from './online-order.ts';
import type { SagaChange, SagaDefinition, SagaState, SagaStatus, StepState, UndoName } from './saga.ts';

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

/** Locks an order and reads it. Whoever changes an order, its saga, its steps or its payment holds this lock. */
export async function lockOrder(
  tx: Transaction,
  orderId: string,
  traceparent: string | null,
): Promise<SagaOrder | null> {
  const locked = await tx.query({
    name: 'lock_order',
    text: 'select 1 from orders where order_id = $1 for update',
    values: [orderId],
  });
  if (locked.length === 0) return null;
  // A statement of its own: its snapshot is taken after the lock is had, so it sees what the last holder wrote.
  const rows = await tx.query<Row>({
    name: 'read_locked_order',
    text: `
      select o.merchant_id as "merchantId", o.status, o.currency, o.total_minor as "totalMinor",
             o.ship_to_country as "shipToCountry", o.billing_country as "billingCountry", o.cancel_code as "cancelCode",
             o.next_sequence as "nextSequence", s.name as "sagaName", s.status as "sagaStatus",
             p.payment_id as "paymentId", p.provider, p.status as "paymentStatus", p.amount_minor as "amountMinor",
             p.authorised_minor as "authorisedMinor", p.provider_reference as "providerReference",
             p.decline_code as "declineCode",
             (select coalesce(jsonb_agg(jsonb_build_object('step', t.step, 'status', t.status, 'undo', t.undo,
                       'attempts', t.attempts, 'undoAttempts', t.undo_attempts, 'detail', t.detail)
                       order by t.position), '[]')
              from saga_steps t where t.order_id = o.order_id) as steps
      from orders o join sagas s using (order_id) join payments p using (order_id)
      where o.order_id = $1`,
    values: [orderId],
  });
  return toOrder(orderId, present(rows[0], `the saga and payment of order ${orderId}`), traceparent);
}

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

/**
 * Writes a decision's change of a locked order in one statement: order, saga, steps, events, messages, audit, inbox.
 * Questions that the change answers are closed, and dead letters whose cause it settles are not open any more.
 */
export async function applyChange(
  tx: Transaction,
  order: SagaOrder,
  change: SagaChange,
  by: { actor: string; newId: NewId; owner: string },
): Promise<void> {
  const events = change.events.map((event, index) => eventRow(order, event, order.nextSequence + index, by.newId));
  const messages = change.send.map((type) =>
    messageRow({
      messageId: by.newId(),
      type,
      merchantId: order.merchantId,
      orderId: order.orderId,
      idempotencyKey: order.orderId,
      payload: {},
      traceparent: order.traceparent,
    }),
  );
  const changed = await tx.execute({
    name: 'apply_saga_change',
    text: applyStatement,
    values: [
      order.orderId,
      order.merchantId,
      change.order?.status ?? null,
      change.order?.cancelCode ?? null,
      change.order?.deadlineInMs ?? null,
      order.nextSequence,
      events.length,
      change.status ?? null,
      JSON.stringify(change.steps.map((step) => stepRow(order.saga.definition, step))),
      JSON.stringify(events),
      JSON.stringify(messages),
      JSON.stringify(
        change.audit.map((entry) => ({ entry_id: by.newId(), ...entry, detail: entry.detail?.slice(0, 500) ?? null })),
      ),
      by.actor,
      JSON.stringify(
        change.inbox.map(({ kind, about, reason }) => {
          return { item_id: by.newId(), kind, subject: subjectOf(order, about), reason: reason.slice(0, 500) };
        }),
      ),
      by.owner,
      JSON.stringify(
        answersOf(order.saga, change).map(({ kind, about, resolution }) => {
          return { kind, subject: about === null ? null : subjectOf(order, about), resolution };
        }),
      ),
      causesSettledBy(order.saga, change),
    ],
  });
  assert(changed === 1, `order ${order.orderId} is as it was when it was locked`);
}

const applyStatement = `
  with saga as (
    update sagas set status = $8, status_since = now()
    where order_id = $1 and $8::text is not null
  ), steps as (
    insert into saga_steps as s
      (order_id, step, position, status, undo, attempts, undo_attempts, detail, ended_at, undone_at)
    select $1, step, position, status, undo, attempts, undo_attempts, detail,
           case when status in ('done', 'refused', 'abandoned') then now() end, case when undo = 'done' then now() end
    from jsonb_to_recordset($9) as x(step text, position integer, status text, undo text, attempts integer,
         undo_attempts integer, detail text)
    on conflict (order_id, step) do update
      set status = excluded.status, undo = excluded.undo, attempts = excluded.attempts,
          undo_attempts = excluded.undo_attempts, detail = excluded.detail,
          ended_at = coalesce(s.ended_at, excluded.ended_at), undone_at = excluded.undone_at
  ), events as (
    insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data, traceparent)
    select event_id, $2, $1, sequence, type, schema_version, data, traceparent
    from jsonb_to_recordset($10) as x(event_id uuid, sequence integer, type text, schema_version integer, data jsonb,
         traceparent text)
  ), sent as (
    insert into messages
      (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent)
    select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent
    from jsonb_to_recordset($11) as x(message_id uuid, queue text, type text, schema_version integer, merchant_id text,
         order_id uuid, idempotency_key text, payload jsonb, traceparent text)
    on conflict (queue, type, idempotency_key) do nothing
  ), never_paid as (
    -- The step that would have called the provider was not reached, so no undo of it ends the payment.
    update payments set status = 'abandoned', status_since = now()
    where order_id = $1 and status = 'intended' and $3 = 'cancelled'
  ), audited as (
    insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
    select entry_id, $2, $1, $13, action, detail
    from jsonb_to_recordset($12) as x(entry_id uuid, action text, detail text)
  ), asked as (
    insert into operator_inbox (item_id, merchant_id, order_id, kind, subject, reason, owner)
    select item_id, $2, $1, kind, subject, reason, $15
    from jsonb_to_recordset($14) as x(item_id uuid, kind text, subject text, reason text)
    on conflict (merchant_id, kind, subject) where closed_at is null do nothing
  ), answered as (
    update operator_inbox i
    set closed_at = now(), closed_by = $13, resolution = x.resolution
    from jsonb_to_recordset($16) as x(kind text, subject text, resolution text)
    where i.order_id = $1 and i.kind = x.kind and i.closed_at is null and i.subject = coalesce(x.subject, i.subject)
  ), not_needed as (
    update dead_letters d
    set status = 'discarded', settled_at = now(), settled_by = $13,
        settled_why = 'not needed: another message of the same cause has settled it'
    from unnest($17::text[]) as settled(type)
    where d.order_id = $1 and d.type = settled.type and d.status = 'open'
  )
  update orders
  set status = coalesce($3, status),
      status_since = case when $3::text is distinct from status and $3 is not null then now() else status_since end,
      cancel_code = coalesce($4, cancel_code),
      deadline_at = case when $3::text is null then deadline_at else now() + $5::bigint * interval '1 millisecond' end,
      next_sequence = next_sequence + $7::integer
  where order_id = $1 and next_sequence = $6`;

function subjectOf(order: SagaOrder, about: UndoName | undefined): string {
  return about === undefined ? order.orderId : `${about} ${order.orderId}`;
}

function stepRow(definition: SagaDefinition, step: StepState): Record<string, unknown> {
  return {
    step: step.step,
    position: definition.steps.findIndex((each) => each.step === step.step),
    status: step.status,
    undo: step.undo,
    attempts: step.attempts,
    undo_attempts: step.undoAttempts,
    detail: step.detail?.slice(0, 500) ?? null,
  };
}

function eventRow(order: SagaOrder, event: SagaChange['events'][number], sequence: number, newId: NewId) {
  return {
    event_id: newId(),
    sequence,
    type: event.type,
    schema_version: domainEvents[event.type].version,
    data: event.data,
    traceparent: order.traceparent,
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
