import type { Queryable } from '../shared/postgres/client.ts';

export type CountedAge = { readonly label: string; readonly count: number; readonly ageSeconds: number };

/** Orders in states that are not final, by state. The index on deadlines holds no others. */
export async function openOrdersByStatus(db: Queryable): Promise<CountedAge[]> {
  return await db.query<CountedAge>({
    text: `
      -- bounded: one row per status
      select status as label, count(*)::integer as count,
             extract(epoch from now() - min(status_since))::float8 as "ageSeconds"
      from orders where deadline_at is not null
      group by status`,
  });
}

/** Payments without an outcome, by state. */
export async function unsettledPaymentsByStatus(db: Queryable): Promise<CountedAge[]> {
  return await db.query<CountedAge>({
    text: `
      -- bounded: one row per status
      select status as label, count(*)::integer as count,
             extract(epoch from now() - min(status_since))::float8 as "ageSeconds"
      from payments where next_check_at is not null
      group by status`,
  });
}

/** What waits for a person, by kind. */
export async function openInboxByKind(db: Queryable): Promise<CountedAge[]> {
  return await db.query<CountedAge>({
    text: `
      -- bounded: one row per kind
      select kind as label, count(*)::integer as count,
             extract(epoch from now() - min(opened_at))::float8 as "ageSeconds"
      from operator_inbox where closed_at is null
      group by kind`,
  });
}

/** How far each subscriber of the event feed is behind. */
export async function feedLags(db: Queryable): Promise<{ subscriber: string; lagSeconds: number }[]> {
  return await db.query({
    text: `
      select c.subscriber,
             coalesce((select extract(epoch from now() - e.occurred_at) from domain_events e
                       where (e.transaction_id, e.position) > (c.transaction_id, c.position)
                       order by e.transaction_id, e.position
                       limit 1), 0)::float8 as "lagSeconds"
      from event_cursors c
      order by c.subscriber
      limit 50`,
  });
}
