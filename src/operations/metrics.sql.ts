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

/**
 * How far each subscriber of the event feed is behind: the age of the first event that it has not read, also of one
 * that no feed may read yet, because an older transaction is still open. Whatever stands above the highest position
 * that was read was not read; else one may be missing below it (src/messaging/event-place.ts). In the era of now no
 * event is of a transaction that has not begun, so that the search for it ends there.
 */
export async function feedLags(db: Queryable): Promise<{ subscriber: string; lagSeconds: number }[]> {
  return await db.query({
    text: `
      with latest as (
        select era, e.xmin = e.opened_by::xid and coalesce(
                 (select d.xmin = d.transaction_id::xid from domain_events d
                  where d.position > e.after_position
                  order by d.position
                  limit 1), true) as is_of_now
        from event_eras e
        order by era desc
        limit 1
      )
      select c.subscriber,
             coalesce(extract(epoch from now() - coalesce(
               (select d.occurred_at from domain_events d
                where d.position > c.highest_position
                order by d.position
                limit 1),
               (select d.occurred_at from domain_events d
                where (d.transaction_id, d.position) > (c.transaction_id, c.position)
                  and d.position > e.after_position
                  and d.transaction_id < case when l.era = c.era and l.is_of_now
                                              then pg_snapshot_xmax(pg_current_snapshot())
                                              else '18446744073709551615'::xid8 end
                order by d.transaction_id, d.position
                limit 1))), 0)::float8 as "lagSeconds"
      from event_cursors c join event_eras e using (era) cross join latest l
      order by c.subscriber
      limit 50`,
  });
}
