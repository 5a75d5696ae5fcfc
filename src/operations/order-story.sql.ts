import type { Queryable } from '../shared/postgres/client.ts';
import type {
  AttemptRow,
  AuditRow,
  DeadLetterRow,
  HandledRow,
  HeadRow,
  InboxRow,
  LineRow,
  MessageRow,
  PersonalRow,
  StepRow,
} from './order-rows.ts';

/** The columns keep their names here: they are the field names of --json. */

/** The order with its saga and payment, and the instant of the look; null if the merchant has no such order. */
export async function readHead(db: Queryable, merchantId: string, orderId: string): Promise<HeadRow | null> {
  const rows = await db.query<HeadRow>({
    text: `
      select o.order_id, o.merchant_id, o.caller_id, o.checkout_id, o.quote_version, o.status, o.status_since,
             o.deadline_at, o.cancel_code, o.currency, o.total_minor, o.ship_to_country, o.billing_country,
             o.created_at, s.name as saga_name, s.version as saga_version, s.status as saga_status,
             s.status_since as saga_since,
             p.payment_id, p.provider, p.status as payment_status, p.status_since as payment_since, p.amount_minor,
             p.authorised_minor, p.captured_minor, p.refunded_minor, p.provider_reference, p.decline_code,
             p.next_check_at, (q.content ->> 'shippingMinor')::bigint as shipping_minor, now() as read_at
      from orders o join sagas s using (order_id) join payments p using (order_id)
      join quotes q on q.checkout_id = o.checkout_id and q.version = o.quote_version
      where o.order_id = $2 and o.merchant_id = $1`,
    values: [merchantId, orderId],
  });
  return rows[0] ?? null;
}

/** Each line with what became of the stock that was held for its SKU. */
export async function readLines(db: Queryable, orderId: string): Promise<LineRow[]> {
  return await db.query<LineRow>({
    text: `
      select l.line_number, l.sku, l.title, l.quantity, l.unit_price_minor, l.total_minor, r.status as stock
      from order_lines l left join reservations r on r.order_id = l.order_id and r.sku = l.sku
      where l.order_id = $1
      order by l.line_number
      limit 100`,
    values: [orderId],
  });
}

export async function readAttempts(db: Queryable, orderId: string): Promise<AttemptRow[]> {
  return await db.query<AttemptRow>({
    text: `
      select kind, provider_key, amount_minor, calls, outcome, reason, intended_at, last_called_at, settled_at
      from payment_attempts where order_id = $1
      order by intended_at
      limit 10`,
    values: [orderId],
  });
}

export async function readSteps(db: Queryable, orderId: string): Promise<StepRow[]> {
  return await db.query<StepRow>({
    text: `
      select step, status, attempts, undo, undo_attempts, detail, started_at, ended_at, undone_at
      from saga_steps where order_id = $1
      order by position
      limit 50`,
    values: [orderId],
  });
}

/** Messages that are alive. `leased_by` is null unless a worker holds the message now. */
export async function readMessages(db: Queryable, orderId: string): Promise<MessageRow[]> {
  return await db.query<MessageRow>({
    text: `
      select message_id, queue, type, schema_version, attempt, first_enqueued_at, available_at,
             case when lease_id is not null and available_at > now() then leased_by end as leased_by,
             history
      from messages where order_id = $1
      order by first_enqueued_at
      limit 50`,
    values: [orderId],
  });
}

export async function readHandled(db: Queryable, orderId: string): Promise<HandledRow[]> {
  return await db.query<HandledRow>({
    text: `
      select message_id, type, consumer, attempts, first_enqueued_at, handled_at, history
      from messages_handled where order_id = $1
      order by handled_at
      limit 200`,
    values: [orderId],
  });
}

export async function readDeadLettersOf(db: Queryable, orderId: string): Promise<DeadLetterRow[]> {
  return await db.query<DeadLetterRow>({
    text: `
      select message_id, queue, type, attempt, reason, status, died_at, settled_at, settled_by, settled_why, history
      from dead_letters where order_id = $1
      order by died_at
      limit 50`,
    values: [orderId],
  });
}

export async function readAudit(db: Queryable, orderId: string): Promise<AuditRow[]> {
  return await db.query<AuditRow>({
    text: `
      select actor, action, detail, at from audit_entries where order_id = $1
      order by at, entry_id
      limit 500`,
    values: [orderId],
  });
}

export async function readInboxOf(db: Queryable, orderId: string): Promise<InboxRow[]> {
  return await db.query<InboxRow>({
    text: `
      select item_id, kind, reason, owner, opened_at, closed_at, closed_by, resolution
      from operator_inbox where order_id = $1
      order by opened_at
      limit 50`,
    values: [orderId],
  });
}

/** Who buys and where it goes. Personal data: asked for only where a person asked to see it. */
export async function readPersonal(db: Queryable, orderId: string): Promise<PersonalRow | null> {
  const rows = await db.query<PersonalRow>({
    text: `
      select q.content -> 'buyer' as buyer,
             jsonb_path_query_first(q.content, '$.destinations[*] ? (@.id == $id)',
               jsonb_build_object('id', q.content -> 'selectedDestinationId')) as destination
      from orders o join quotes q on q.checkout_id = o.checkout_id and q.version = o.quote_version
      where o.order_id = $1`,
    values: [orderId],
  });
  return rows[0] ?? null;
}
