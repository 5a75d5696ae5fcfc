import type { Queryable } from '../shared/postgres/client.ts';

/**
 * Removes the rows of messages that were handled longest ago, and at least so long, up to so many. Any number of
 * processes may do it at once. Answers how many it removed.
 */
export async function removeHandled(db: Queryable, ask: { olderThanDays: number; count: number }): Promise<number> {
  return await db.execute({
    name: 'remove_handled_messages',
    text: `
      with old as (
        select consumer, message_id from messages_handled
        where handled_at < now() - $1 * interval '1 day'
        order by handled_at
        limit $2
        for update skip locked
      )
      delete from messages_handled h using old
      where h.consumer = old.consumer and h.message_id = old.message_id`,
    values: [ask.olderThanDays, ask.count],
  });
}
