import type { Transaction } from '../shared/postgres/client.ts';

/**
 * Turns what an order holds into sold stock. Returns the units; 0 if it was done before. SKUs are locked in order, as
 * everywhere, so that no two transactions wait for each other in a circle.
 */
export async function sellReservations(tx: Transaction, orderId: string): Promise<number> {
  const rows = await tx.query<{ units: bigint }>({
    name: 'sell_reservations',
    text: `
      with locked as (
        select s.merchant_id, s.sku from stock s
        join reservations r on r.merchant_id = s.merchant_id and r.sku = s.sku
        where r.order_id = $1 and r.status = 'held'
        order by s.sku
        for update of s
      ), sold as (
        update reservations set status = 'sold', changed_at = now()
        where order_id = $1 and status = 'held' and (select count(*) from locked) > 0
        returning merchant_id, sku, units
      ), moved as (
        update stock s set held_units = s.held_units - sold.units, sold_units = s.sold_units + sold.units
        from sold where s.merchant_id = sold.merchant_id and s.sku = sold.sku
      )
      select coalesce(sum(units), 0)::bigint as units from sold limit 1`,
    values: [orderId],
  });
  return Number(rows[0]?.units ?? 0n);
}

/** Gives what an order holds back to the free stock. Returns the units; 0 if it was done before. */
export async function releaseReservations(tx: Transaction, orderId: string): Promise<number> {
  const rows = await tx.query<{ units: bigint }>({
    name: 'release_reservations',
    text: `
      with locked as (
        select s.merchant_id, s.sku from stock s
        join reservations r on r.merchant_id = s.merchant_id and r.sku = s.sku
        where r.order_id = $1 and r.status = 'held'
        order by s.sku
        for update of s
      ), released as (
        update reservations set status = 'released', changed_at = now()
        where order_id = $1 and status = 'held' and (select count(*) from locked) > 0
        returning merchant_id, sku, units
      ), moved as (
        update stock s set held_units = s.held_units - released.units
        from released where s.merchant_id = released.merchant_id and s.sku = released.sku
      )
      select coalesce(sum(units), 0)::bigint as units from released limit 1`,
    values: [orderId],
  });
  return Number(rows[0]?.units ?? 0n);
}
