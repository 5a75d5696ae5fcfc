import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { StoredEvent } from './events.ts';

export type Cursor = { readonly transactionId: string; readonly position: bigint };

/** Makes a subscriber's cursor, at the beginning of all events, if it has none. */
export async function makeCursor(tx: Transaction, subscriber: string): Promise<void> {
  await tx.execute({
    name: 'make_event_cursor',
    text: 'insert into event_cursors (subscriber) values ($1) on conflict do nothing',
    values: [subscriber],
  });
}

/** Locks the subscriber's cursor, so that one process at a time reads for it; null if another one does. */
export async function lockCursor(tx: Transaction, subscriber: string): Promise<Cursor | null> {
  const rows = await tx.query<Cursor>({
    name: 'lock_event_cursor',
    text: `
      select transaction_id::text as "transactionId", position from event_cursors
      where subscriber = $1
      for update skip locked`,
    values: [subscriber],
  });
  return rows[0] ?? null;
}

/**
 * The next events after the cursor, in commit-safe order: only transactions older than every one that still runs are
 * read, so that none commits later behind the cursor.
 */
export async function readEvents(db: Queryable, cursor: Cursor, count: number): Promise<StoredEvent[]> {
  return await db.query<StoredEvent>({
    name: 'read_events',
    text: `
      select position, transaction_id::text as "transactionId", event_id as "eventId", merchant_id as "merchantId",
             order_id as "orderId", sequence, type, schema_version as "schemaVersion", data, traceparent,
             occurred_at as "occurredAt"
      from domain_events
      where (transaction_id, position) > ($1::xid8, $2::bigint)
        and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by transaction_id, position
      limit $3`,
    values: [cursor.transactionId, cursor.position, count],
  });
}

export async function moveCursor(tx: Transaction, subscriber: string, to: Cursor): Promise<void> {
  await tx.execute({
    name: 'move_event_cursor',
    text: `
      update event_cursors set transaction_id = $2::xid8, position = $3, moved_at = now() where subscriber = $1`,
    values: [subscriber, to.transactionId, to.position],
  });
}

/** The events of one order, in order. An order has under 100 of them. */
export async function eventsOfOrder(db: Queryable, orderId: string): Promise<StoredEvent[]> {
  return await db.query<StoredEvent>({
    name: 'events_of_order',
    text: `
      select position, transaction_id::text as "transactionId", event_id as "eventId", merchant_id as "merchantId",
             order_id as "orderId", sequence, type, schema_version as "schemaVersion", data, traceparent,
             occurred_at as "occurredAt"
      from domain_events where order_id = $1
      order by sequence
      limit 500`,
    values: [orderId],
  });
}
