import { domainEvents } from '../messaging/events.ts';
import { messageRow } from '../messaging/messages.sql.ts';
import { assert } from '../shared/assert.ts';
import type { NewId } from '../shared/ids.ts';
import type { SetStatement, Transaction } from '../shared/postgres/client.ts';
import { answersOf, causesSettledBy } from './answers.ts';
import type { SagaOrder } from './saga.sql.ts';
import type { SagaChange, SagaDefinition, StepState, UndoName } from './saga.ts';

type By = { readonly actor: string; readonly newId: NewId; readonly owner: string };

/**
 * Writes a decision's change of a locked order in one statement: order, saga, steps, events, messages, audit, inbox.
 * Questions that the change answers are closed, and dead letters whose cause it settles are not open any more.
 */
export async function applyChange(tx: Transaction, order: SagaOrder, change: SagaChange, by: By): Promise<void> {
  const isChanged = await tx.each(applyChanges, rowsOf(order, change, by));
  assert(isChanged, `order ${order.orderId} is as it was when it was locked`);
}

/** What a change writes, by table. */
type ChangeRows = {
  readonly orderId: string;
  readonly actor: string;
  readonly order: Readonly<Record<string, unknown>>;
  readonly steps: readonly object[];
  readonly events: readonly object[];
  readonly messages: readonly object[];
  readonly audit: readonly object[];
  readonly inbox: readonly object[];
  readonly answers: readonly object[];
  readonly settledTypes: readonly string[];
};

function rowsOf(order: SagaOrder, change: SagaChange, { actor, newId, owner }: By): ChangeRows {
  const { orderId, merchantId } = order;
  const own = { order_id: orderId, merchant_id: merchantId };
  return {
    orderId,
    actor,
    order: {
      ...own,
      status: change.order?.status ?? null,
      cancel_code: change.order?.cancelCode ?? null,
      deadline_in_ms: change.order?.deadlineInMs ?? null,
      next_sequence: order.nextSequence,
      event_count: change.events.length,
      saga_status: change.status ?? null,
    },
    steps: change.steps.map((step) => ({ order_id: orderId, ...stepRow(order.saga.definition, step) })),
    events: change.events.map((event, index) => ({
      ...own,
      ...eventRow(order, event, order.nextSequence + index, newId),
    })),
    messages: change.send.map((type) => {
      const { traceparent } = order;
      const sent = { messageId: newId(), type, merchantId, orderId, idempotencyKey: orderId, payload: {}, traceparent };
      return messageRow(sent);
    }),
    audit: change.audit.map(({ action, detail }) => {
      return { ...own, entry_id: newId(), actor, action, detail: detail?.slice(0, 500) ?? null };
    }),
    inbox: change.inbox.map(({ kind, about, reason }) => {
      return { ...own, item_id: newId(), kind, subject: subjectOf(order, about), reason: reason.slice(0, 500), owner };
    }),
    answers: answersOf(order.saga, change).map(({ kind, about, resolution }) => {
      const subject = about === null ? null : subjectOf(order, about);
      return { order_id: orderId, kind, subject, resolution, closed_by: actor };
    }),
    settledTypes: causesSettledBy(order.saga, change),
  };
}

const applyChanges: SetStatement<ChangeRows, boolean> = async (db, changes) => {
  const settled = changes.flatMap(({ orderId, settledTypes, actor }) => {
    return settledTypes.map((type) => ({ orderId, type, by: actor }));
  });
  const rows = await db.query<{ orderId: string }>({
    name: 'apply_saga_changes',
    text: applyStatement,
    values: [
      JSON.stringify(changes.map(({ order }) => order)),
      JSON.stringify(changes.flatMap(({ steps }) => steps)),
      JSON.stringify(changes.flatMap(({ events }) => events)),
      JSON.stringify(changes.flatMap(({ messages }) => messages)),
      JSON.stringify(changes.flatMap(({ audit }) => audit)),
      JSON.stringify(changes.flatMap(({ inbox }) => inbox)),
      JSON.stringify(changes.flatMap(({ answers }) => answers)),
      settled.map(({ orderId }) => orderId),
      settled.map(({ type }) => type),
      settled.map(({ by }) => by),
    ],
  });
  const changed = new Set(rows.map(({ orderId }) => orderId));
  return changes.map(({ orderId }) => changed.has(orderId));
};

const applyStatement = `
  with changes as materialized (
    select * from jsonb_to_recordset($1) as c(order_id uuid, status text, cancel_code text, deadline_in_ms bigint,
      next_sequence integer, event_count integer, saga_status text)
  ), saga as (
    update sagas s set status = c.saga_status, status_since = now()
    from changes c
    where s.order_id = c.order_id and c.saga_status is not null
  ), steps as (
    insert into saga_steps as s
      (order_id, step, position, status, undo, attempts, undo_attempts, detail, ended_at, undone_at)
    select order_id, step, position, status, undo, attempts, undo_attempts, detail,
           case when status in ('done', 'refused', 'abandoned') then now() end, case when undo = 'done' then now() end
    from jsonb_to_recordset($2) as x(order_id uuid, step text, position integer, status text, undo text,
         attempts integer, undo_attempts integer, detail text)
    on conflict (order_id, step) do update
      set status = excluded.status, undo = excluded.undo, attempts = excluded.attempts,
          undo_attempts = excluded.undo_attempts, detail = excluded.detail,
          ended_at = coalesce(s.ended_at, excluded.ended_at), undone_at = excluded.undone_at
  ), events as (
    insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data, traceparent)
    select event_id, merchant_id, order_id, sequence, type, schema_version, data, traceparent
    from jsonb_to_recordset($3) as x(event_id uuid, merchant_id text, order_id uuid, sequence integer, type text,
         schema_version integer, data jsonb, traceparent text)
  ), sent as (
    insert into messages
      (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent)
    select message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent
    from jsonb_to_recordset($4) as x(message_id uuid, queue text, type text, schema_version integer, merchant_id text,
         order_id uuid, idempotency_key text, payload jsonb, traceparent text)
    on conflict (queue, type, idempotency_key) do nothing
  ), never_paid as (
    -- The step that would have called the provider was not reached, so no undo of it ends the payment.
    update payments p set status = 'abandoned', status_since = now()
    from changes c
    where p.order_id = c.order_id and c.status = 'cancelled' and p.status = 'intended'
  ), audited as (
    insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
    select entry_id, merchant_id, order_id, actor, action, detail
    from jsonb_to_recordset($5) as x(entry_id uuid, merchant_id text, order_id uuid, actor text, action text,
         detail text)
  ), asked as (
    insert into operator_inbox (item_id, merchant_id, order_id, kind, subject, reason, owner)
    select item_id, merchant_id, order_id, kind, subject, reason, owner
    from jsonb_to_recordset($6) as x(item_id uuid, merchant_id text, order_id uuid, kind text, subject text,
         reason text, owner text)
    on conflict (merchant_id, kind, subject) where closed_at is null do nothing
  ), answered as (
    update operator_inbox i
    set closed_at = now(), closed_by = x.closed_by, resolution = x.resolution
    from jsonb_to_recordset($7) as x(order_id uuid, kind text, subject text, resolution text, closed_by text)
    where i.order_id = x.order_id and i.kind = x.kind and i.closed_at is null
      and i.subject = coalesce(x.subject, i.subject)
  ), not_needed as (
    update dead_letters d
    set status = 'discarded', settled_at = now(), settled_by = settled.by,
        settled_why = 'not needed: another message of the same cause has settled it'
    from unnest($8::uuid[], $9::text[], $10::text[]) as settled(order_id, type, by)
    where d.order_id = settled.order_id and d.type = settled.type and d.status = 'open'
  )
  update orders o
  set status = coalesce(c.status, o.status),
      status_since = case when c.status is distinct from o.status and c.status is not null
                          then now() else o.status_since end,
      cancel_code = coalesce(c.cancel_code, o.cancel_code),
      deadline_at = case when c.status is null then o.deadline_at
                         else now() + c.deadline_in_ms * interval '1 millisecond' end,
      next_sequence = o.next_sequence + c.event_count
  from changes c
  where o.order_id = c.order_id and o.next_sequence = c.next_sequence
  returning o.order_id as "orderId"`;

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
