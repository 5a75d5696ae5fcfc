import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { Place } from './event-place.ts';
import type { StoredEvent } from './events.ts';

/** Makes a subscriber's cursor, at the beginning of all events, if it has none. */
export async function makeCursor(tx: Transaction, subscriber: string): Promise<void> {
  await tx.execute({
    name: 'make_event_cursor',
    text: 'insert into event_cursors (subscriber) values ($1) on conflict do nothing',
    values: [subscriber],
  });
}

/** Locks the subscriber's cursor, so that one process at a time reads for it; null if another one does. */
export async function lockCursor(tx: Transaction, subscriber: string): Promise<Place | null> {
  const rows = await tx.query<Place>({
    name: 'lock_event_cursor',
    text: `
      select era, transaction_id::text::bigint as "transactionId", position, highest_position as "highestPosition"
      from event_cursors where subscriber = $1
      for update skip locked`,
    values: [subscriber],
  });
  return rows[0] ?? null;
}

/**
 * The next events after a place, of one era and of transactions below `until`, in the order (transactionId, position):
 * none of them commits later behind the place.
 *
 * The index domain_events_in_commit_order gives the order and knows the positions without a look at the rows. A second
 * plain bound of the position made the key of the table look nearly as cheap to the planner (1.3 times), and that one
 * reads a whole era and sorts it; in this form it looks 8 times as dear. The limit is written out, or the plan of a
 * large table would look so dear that it is compiled at each call. Among 4 million events of two eras with mixed ids,
 * 500 events take 1 ms, and to pass over 67,000 of the other era takes 4 ms.
 */
export async function readByTransaction(
  db: Queryable,
  place: Place,
  bounds: { readonly until: bigint; readonly above: bigint; readonly upTo: bigint | null },
): Promise<StoredEvent[]> {
  return await db.query<StoredEvent>({
    name: 'read_events_by_transaction',
    text: `
      select position, transaction_id::text as "transactionId", event_id as "eventId", merchant_id as "merchantId",
             order_id as "orderId", sequence, type, schema_version as "schemaVersion", data, traceparent,
             occurred_at as "occurredAt"
      from domain_events
      where (transaction_id, position) > ($1::xid8, $2::bigint)
        and transaction_id < $3::xid8
        and position > $4 and ($5::bigint is null or position <= $5)
      order by transaction_id, position
      limit 500`,
    values: [place.transactionId, place.position, bounds.until, bounds.above, bounds.upTo],
  });
}

/** The next events by position, all of which are committed. The key of the table serves them. */
export async function readByPosition(
  db: Queryable,
  bounds: { readonly above: bigint; readonly upTo: bigint },
): Promise<StoredEvent[]> {
  return await db.query<StoredEvent>({
    name: 'read_events_by_position',
    text: `
      select position, transaction_id::text as "transactionId", event_id as "eventId", merchant_id as "merchantId",
             order_id as "orderId", sequence, type, schema_version as "schemaVersion", data, traceparent,
             occurred_at as "occurredAt"
      from domain_events
      where position > $1 and position <= $2
      order by position
      limit 500`,
    values: [bounds.above, bounds.upTo],
  });
}

export async function moveCursor(tx: Transaction, subscriber: string, to: Place): Promise<void> {
  await tx.execute({
    name: 'move_event_cursor',
    text: `
      update event_cursors
      set era = $2, transaction_id = $3::xid8, position = $4, highest_position = $5, moved_at = now()
      where subscriber = $1`,
    values: [subscriber, to.era, to.transactionId, to.position, to.highestPosition],
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
