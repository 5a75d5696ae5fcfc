import { type StoredEvent, tell } from '../messaging/events.ts';
import { assert } from '../shared/assert.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';

export type TimelineEntry = {
  readonly sequence: number;
  readonly type: string;
  readonly happened: string;
  readonly occurredAt: Date;
};

/**
 * The subscriber that answers "what happened to order X?": one line per event. Asserts that an order's events come in
 * sequence with no gap (promise 7), so that a lost event stops the feed loudly and not a report quietly. An event that
 * it has is skipped, so that the feed may be led back and read again what a place was lost for.
 */
export const orderTimeline = {
  name: 'order-timeline',
  async apply(tx: Transaction, events: readonly StoredEvent[]): Promise<void> {
    const lastOf = await lastSequences(tx, [...new Set(events.map((event) => event.orderId))]);
    const missing = events.filter((event) => {
      const last = lastOf.get(event.orderId) ?? 0;
      if (event.sequence <= last) return false;
      assert(event.sequence === last + 1, `event ${last + 1} of order ${event.orderId} before event ${event.sequence}`);
      lastOf.set(event.orderId, event.sequence);
      return true;
    });
    await insertEntries(tx, missing);
  },
};

async function lastSequences(tx: Transaction, orderIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ orderId: string; last: number }>({
    name: 'last_timeline_sequences',
    text: `
      select order_id as "orderId", max(sequence) as last from order_timeline
      where order_id = any($1::uuid[])
      group by order_id
      limit 500`,
    values: [orderIds],
  });
  return new Map(rows.map((row) => [row.orderId, row.last]));
}

async function insertEntries(tx: Transaction, events: readonly StoredEvent[]): Promise<void> {
  await tx.execute({
    name: 'insert_timeline_entries',
    text: `
      insert into order_timeline (order_id, sequence, type, happened, occurred_at)
      select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[])`,
    values: [
      events.map((event) => event.orderId),
      events.map((event) => event.sequence),
      events.map((event) => event.type),
      events.map((event) => tell(event.type, event.data).slice(0, 500)),
      events.map((event) => event.occurredAt),
    ],
  });
}

/** The timeline of one order, first event first. */
export async function timelineOf(db: Queryable, orderId: string): Promise<TimelineEntry[]> {
  return await db.query<TimelineEntry>({
    name: 'timeline_of_order',
    text: `
      select sequence, type, happened, occurred_at as "occurredAt" from order_timeline
      where order_id = $1
      order by sequence
      limit 500`,
    values: [orderId],
  });
}
