import type { Queryable } from '../shared/postgres/client.ts';
import type { QueueDepth } from './queue-depth.ts';

/** The queues that hold messages, of one merchant or (null) of all. A queue that holds none is not among them. */
export async function readQueueDepths(db: Queryable, merchantId: string | null): Promise<QueueDepth[]> {
  return await db.query<QueueDepth>({
    text: `
      -- bounded: one row per queue
      select queue,
             count(*) filter (where available_at <= now())::integer as ready,
             count(*) filter (where lease_id is not null and available_at > now())::integer as leased,
             count(*) filter (where lease_id is null and available_at > now())::integer as delayed,
             count(*) filter (where attempt > 1
                              or attempt = 1 and (lease_id is null or available_at <= now()))::integer as failing,
             coalesce(extract(epoch from now() - min(available_at)
                              filter (where first_taken_at is null and available_at <= now())), 0)::float8
               as "oldestFirstAttemptAgeSeconds",
             extract(epoch from now() - min(first_enqueued_at))::float8 as "oldestMessageAgeSeconds"
      from messages
      where $1::text is null or merchant_id = $1
      group by queue`,
    values: [merchantId],
  });
}

/** How many dead letters of each queue nobody has settled yet, of one merchant or (null) of all. */
export async function countOpenLetters(
  db: Queryable,
  merchantId: string | null,
): Promise<{ queue: string; open: number }[]> {
  return await db.query({
    text: `
      -- bounded: one row per queue
      select queue, count(*)::integer as open from dead_letters
      where status = 'open' and ($1::text is null or merchant_id = $1)
      group by queue`,
    values: [merchantId],
  });
}
