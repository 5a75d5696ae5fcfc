import type { NewId } from '../shared/ids.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';

/** Orders whose deadline has passed, longest overdue first. */
export async function overdueOrders(db: Queryable, count: number): Promise<{ orderId: string }[]> {
  return await db.query({
    name: 'overdue_orders',
    text: `
      select order_id as "orderId" from orders
      where deadline_at < now()
      order by deadline_at
      limit $1`,
    values: [count],
  });
}

/** Whether the order's deadline has passed, as the row stands under its lock. */
export async function isOverdue(tx: Transaction, orderId: string): Promise<boolean> {
  const rows = await tx.query({
    name: 'is_order_overdue',
    text: 'select 1 from orders where order_id = $1 and deadline_at < now()',
    values: [orderId],
  });
  return rows.length === 1;
}

/** Puts an order off that the sweeper could not move, and tells a person. */
export async function putOff(
  db: Queryable,
  orderId: string,
  reason: string,
  by: { newId: NewId; inboxOwner: string },
): Promise<void> {
  await db.execute({
    name: 'put_order_off',
    text: `
      with postponed as (
        update orders set deadline_at = now() + interval '10 minutes' where order_id = $1 and deadline_at is not null
        returning merchant_id
      )
      insert into operator_inbox (item_id, merchant_id, order_id, kind, subject, reason, owner)
      select $2, merchant_id, $1, 'step_parked', $1::text, $3, $4 from postponed
      on conflict (merchant_id, kind, subject) where closed_at is null do nothing`,
    values: [orderId, by.newId(), `the sweeper could not move it: ${reason}`.slice(0, 500), by.inboxOwner],
  });
}
