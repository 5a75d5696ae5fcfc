import type { Queryable } from '../shared/postgres/client.ts';

/**
 * How many orders the buyer of this order placed at the merchant in the last hour, this one included; at most 1,000.
 */
export async function ordersInLastHour(db: Queryable, orderId: string): Promise<number> {
  const rows = await db.query<{ count: number }>({
    name: 'orders_in_last_hour',
    text: `
      select count(*)::integer as count from (
        select 1 from orders o
        join orders this on this.order_id = $1
          and o.merchant_id = this.merchant_id and o.buyer_sha256 = this.buyer_sha256
        where o.created_at > now() - interval '1 hour'
        limit 1000
      ) recent`,
    values: [orderId],
  });
  return rows[0]?.count ?? 0;
}
