import type { Queryable } from '../shared/postgres/client.ts';
import type { Outlook, Place } from './event-place.ts';

/**
 * What can be seen from a place, or null if its era is not known. The horizon is taken here, before the events are read
 * by another statement: what has ended by now is seen by then.
 *
 * A row was written here exactly if the transaction that put it there, its xmin, is the one that it names. Copies (a
 * restored dump, logical replication) have the transaction of the copying as xmin; freezing, vacuum full, cluster and
 * pg_upgrade leave it as it is. Copied events stand below all that were written here, so the first one of the era is
 * enough to ask, and the era's own row where there is none. Both are asked, because the copying may by chance have the
 * number that one of them names, in clusters that have just begun to count; not of both, which were written and copied
 * by different transactions.
 */
export async function lookFrom(db: Queryable, place: Place): Promise<Outlook | null> {
  const rows = await db.query<Outlook>({
    name: 'look_from_place',
    text: `
      select e.after_position as "afterPosition", n.after_position as "toPosition",
             n.era is null and not (e.xmin = e.opened_by::xid and coalesce(
               (select d.xmin = d.transaction_id::xid from domain_events d
                where d.position > e.after_position
                order by d.position
                limit 1), true)) as "isCopied",
             case when n.era is null then pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                  else coalesce((select transaction_id from domain_events
                                 order by transaction_id desc
                                 limit 1)::text::bigint, 0) + 1 end as "horizon",
             (select d.transaction_id from domain_events d
              where (d.transaction_id, d.position) > ($2::xid8, $3::bigint)
              order by d.transaction_id, d.position
              limit 1)::text::bigint as "nextTransactionId"
      from event_eras e left join event_eras n on n.era = e.era + 1
      where e.era = $1`,
    values: [place.era, place.transactionId, place.position],
  });
  return rows[0] ?? null;
}

/**
 * Ends the era, whose events were copied, with the last one that was, and opens the next. What was written here since,
 * before anybody looked, belongs to the next one: only rows of that time are passed over on the way to the last copy.
 */
export async function openNextEra(db: Queryable, era: number): Promise<void> {
  await db.execute({
    name: 'open_next_era',
    text: `
      insert into event_eras (era, after_position)
      select e.era + 1,
             coalesce((select d.position from domain_events d
                       where d.position > e.after_position and d.xmin <> d.transaction_id::xid
                       order by d.position desc
                       limit 1), e.after_position)
      from event_eras e where e.era = $1
      on conflict (era) do nothing`,
    values: [era],
  });
}
