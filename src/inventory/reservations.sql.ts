import type { SetStatement, Transaction } from '../shared/postgres/client.ts';

/** Turns what an order holds into sold stock. Returns the units; 0 if it was done before. */
export async function sellReservations(tx: Transaction, orderId: string): Promise<number> {
  return await tx.each(sellAll, orderId);
}

/** Gives what an order holds back to the free stock. Returns the units; 0 if it was done before. */
export async function releaseReservations(tx: Transaction, orderId: string): Promise<number> {
  return await tx.each(releaseAll, orderId);
}

/**
 * SKUs are locked in order, as everywhere, so that no two transactions wait for each other in a circle. The stock of
 * one SKU is changed once, whatever the number of orders that hold it.
 */
const sellAll: SetStatement<string, number> = async (db, orderIds) => {
  const rows = await db.query<Units>({
    name: 'sell_reservations',
    text: `
      with locked as (
        select s.merchant_id, s.sku from stock s
        where (s.merchant_id, s.sku) in (
          select merchant_id, sku from reservations where order_id = any($1::uuid[]) and status = 'held'
        )
        order by s.merchant_id, s.sku
        for update of s
      ), sold as (
        update reservations set status = 'sold', changed_at = now()
        where order_id = any($1::uuid[]) and status = 'held' and (select count(*) from locked) > 0
        returning order_id, merchant_id, sku, units
      ), moved as (
        update stock s set held_units = s.held_units - t.units, sold_units = s.sold_units + t.units
        from (select merchant_id, sku, sum(units)::bigint as units from sold group by merchant_id, sku) t
        where s.merchant_id = t.merchant_id and s.sku = t.sku
      )
      select order_id as "orderId", sum(units)::bigint as units from sold group by order_id limit 1000`,
    values: [orderIds],
  });
  return unitsOf(orderIds, rows);
};

const releaseAll: SetStatement<string, number> = async (db, orderIds) => {
  const rows = await db.query<Units>({
    name: 'release_reservations',
    text: `
      with locked as (
        select s.merchant_id, s.sku from stock s
        where (s.merchant_id, s.sku) in (
          select merchant_id, sku from reservations where order_id = any($1::uuid[]) and status = 'held'
        )
        order by s.merchant_id, s.sku
        for update of s
      ), released as (
        update reservations set status = 'released', changed_at = now()
        where order_id = any($1::uuid[]) and status = 'held' and (select count(*) from locked) > 0
        returning order_id, merchant_id, sku, units
      ), moved as (
        update stock s set held_units = s.held_units - t.units
        from (select merchant_id, sku, sum(units)::bigint as units from released group by merchant_id, sku) t
        where s.merchant_id = t.merchant_id and s.sku = t.sku
      )
      select order_id as "orderId", sum(units)::bigint as units from released group by order_id limit 1000`,
    values: [orderIds],
  });
  return unitsOf(orderIds, rows);
};

type Units = { readonly orderId: string; readonly units: bigint };

function unitsOf(orderIds: readonly string[], rows: readonly Units[]): number[] {
  const byId = new Map(rows.map(({ orderId, units }) => [orderId, Number(units)]));
  return orderIds.map((orderId) => byId.get(orderId) ?? 0);
}
