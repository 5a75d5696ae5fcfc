import type { OrderStatus } from '../orders/order.ts';
import type { Queryable } from '../shared/postgres/client.ts';

export type ListedOrder = {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly statusSince: Date;
  readonly deadlineAt: Date | null;
  readonly cancelCode: string | null;
  readonly currency: string;
  readonly totalMinor: bigint;
  readonly paymentStatus: string;
  readonly placedAt: Date;
  readonly readAt: Date;
};

export type OrderQuestion = {
  readonly merchantId: string;
  /** Null: of every status. */
  readonly status: OrderStatus | null;
  /** Null: from the newest. */
  readonly beforeId: string | null;
  readonly limit: number;
};

/** The orders of a merchant, newest first: ids sort by the time at which they were made. */
export async function newestOrders(db: Queryable, ask: OrderQuestion): Promise<ListedOrder[]> {
  return await db.query<ListedOrder>({
    text: `
      select o.order_id as "orderId", o.status, o.status_since as "statusSince", o.deadline_at as "deadlineAt",
             o.cancel_code as "cancelCode", o.currency, o.total_minor as "totalMinor", p.status as "paymentStatus",
             o.created_at as "placedAt", now() as "readAt"
      from orders o join payments p on p.order_id = o.order_id
      where o.merchant_id = $1 and ($2::text is null or o.status = $2) and ($3::uuid is null or o.order_id < $3)
      order by o.order_id desc
      limit $4`,
    values: [ask.merchantId, ask.status, ask.beforeId, ask.limit],
  });
}

/** The same from the other end: what has waited longest comes first. */
export async function oldestOrders(db: Queryable, ask: Omit<OrderQuestion, 'beforeId'>): Promise<ListedOrder[]> {
  return await db.query<ListedOrder>({
    text: `
      select o.order_id as "orderId", o.status, o.status_since as "statusSince", o.deadline_at as "deadlineAt",
             o.cancel_code as "cancelCode", o.currency, o.total_minor as "totalMinor", p.status as "paymentStatus",
             o.created_at as "placedAt", now() as "readAt"
      from orders o join payments p on p.order_id = o.order_id
      where o.merchant_id = $1 and ($2::text is null or o.status = $2)
      order by o.order_id
      limit $3`,
    values: [ask.merchantId, ask.status, ask.limit],
  });
}
