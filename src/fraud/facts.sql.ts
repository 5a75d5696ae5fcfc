import type { SetStatement, Transaction } from '../shared/postgres/client.ts';

/**
 * How many orders the buyer of this order placed at the merchant in the last hour, this one included; at most 1,000.
 */
export async function ordersInLastHour(tx: Transaction, orderId: string): Promise<number> {
  return await tx.each(countRecent, orderId);
}

const countRecent: SetStatement<string, number> = async (db, orderIds) => {
  const rows = await db.query<{ orderId: string; count: number }>({
    name: 'orders_in_last_hour',
    text: `
      select this.order_id as "orderId", recent.count
      from orders this, lateral (
        select count(*)::integer as count from (
          select 1 from orders o
          where o.merchant_id = this.merchant_id and o.buyer_sha256 = this.buyer_sha256
            and o.created_at > now() - interval '1 hour'
          limit 1000
        ) of_buyer
      ) recent
      where this.order_id = any($1::uuid[])`,
    values: [orderIds],
  });
  const counts = new Map(rows.map(({ orderId, count }) => [orderId, count]));
  return orderIds.map((orderId) => counts.get(orderId) ?? 0);
};
