import type { Queryable, Transaction } from '../shared/postgres/client.ts';

/** What a machine could not settle. */
export type InboxItem = {
  readonly itemId: string;
  readonly kind: string;
  readonly orderId: string | null;
  readonly orderStatus: string | null;
  readonly reason: string;
  readonly owner: string;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  readonly closedBy: string | null;
  readonly resolution: string | null;
};

/** The items of a merchant, oldest first; without the closed ones unless they are asked for. */
export async function listInbox(
  db: Queryable,
  ask: { merchantId: string; closedToo: boolean; limit: number },
): Promise<InboxItem[]> {
  return await db.query<InboxItem>({
    text: `
      select i.item_id as "itemId", i.kind, i.order_id as "orderId", o.status as "orderStatus", i.reason, i.owner,
             i.opened_at as "openedAt", i.closed_at as "closedAt", i.closed_by as "closedBy", i.resolution
      from operator_inbox i left join orders o on o.order_id = i.order_id
      where i.merchant_id = $1 and ($2 or i.closed_at is null)
      order by i.opened_at
      limit $3`,
    values: [ask.merchantId, ask.closedToo, ask.limit],
  });
}

/** One item of the merchant, or null. */
export async function readInboxItem(db: Queryable, merchantId: string, itemId: string): Promise<InboxItem | null> {
  const rows = await db.query<InboxItem>({
    name: 'read_inbox_item',
    text: `
      select i.item_id as "itemId", i.kind, i.order_id as "orderId", o.status as "orderStatus", i.reason, i.owner,
             i.opened_at as "openedAt", i.closed_at as "closedAt", i.closed_by as "closedBy", i.resolution
      from operator_inbox i left join orders o on o.order_id = i.order_id
      where i.item_id = $2 and i.merchant_id = $1`,
    values: [merchantId, itemId],
  });
  return rows[0] ?? null;
}

/** Closes an open item. False if it is not open (any more). */
export async function closeInboxItem(
  tx: Transaction,
  ask: { merchantId: string; itemId: string; by: string; resolution: string },
): Promise<boolean> {
  const closed = await tx.execute({
    name: 'close_inbox_item',
    text: `
      update operator_inbox set closed_at = now(), closed_by = $3, resolution = $4
      where item_id = $2 and merchant_id = $1 and closed_at is null`,
    values: [ask.merchantId, ask.itemId, ask.by, ask.resolution],
  });
  return closed === 1;
}
