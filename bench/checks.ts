import type { Database } from '../src/shared/postgres/client.ts';

/** A number that was won by breaking a promise is worth nothing: this ends the run instead. */
export class BrokenPromise extends Error {}

/**
 * Counts what must be true of a merchant's books after a run, however fast it was: as many orders as were acknowledged,
 * no unit sold twice, and every sum equal to its parts.
 */
export async function checkPromises(database: Database, merchantId: string, acknowledged: number): Promise<void> {
  const rows = await database.query<Record<string, number>>({ text: counts, values: [merchantId] });
  const found = rows[0] ?? {};
  const broken = Object.entries(found).filter(([name, count]) => name !== 'orders' && name !== 'keys' && count !== 0);
  const told = broken.map(([name, count]) => `${count} ${name}`);
  if (found.orders !== acknowledged) told.push(`${found.orders} orders, but ${acknowledged} were acknowledged`);
  if (found.keys !== acknowledged) told.push(`${found.keys} keys of complete, but ${acknowledged} were acknowledged`);
  if (told.length > 0) throw new BrokenPromise(told.join('; '));
}

const counts = `
  with own as (select * from orders where merchant_id = $1),
  held as (
    select sku, sum(units) filter (where r.status = 'held') as held, sum(units) filter (where r.status = 'sold') as sold
    from reservations r join own using (order_id) group by sku
  ), booked as (
    select sku, sum(units) as units from stock_adjustments where merchant_id = $1 group by sku
  ), totals as (
    select order_id, sum(l.total_minor) as total from order_lines l join own using (order_id) group by order_id
  ), units as (
    select order_id, sum(quantity) as units from order_lines join own using (order_id) group by order_id
  ), reserved as (
    select order_id, sum(r.units) as units from reservations r join own using (order_id) group by order_id
  )
  select
    (select count(*) from own)::integer as "orders",
    (select count(*) from commit_keys
     where merchant_id = $1 and operation = 'complete' and order_id is not null)::integer as "keys",
    (select count(*) from stock where merchant_id = $1 and received_units - sold_units - held_units < 0)::integer
      as "products oversold",
    (select count(*) from stock s left join held h using (sku)
     where s.merchant_id = $1 and (s.held_units, s.sold_units) <> (coalesce(h.held, 0), coalesce(h.sold, 0)))::integer
      as "products whose stock is not what their orders hold",
    (select count(*) from stock s join booked b using (sku)
     where s.merchant_id = $1 and s.received_units <> b.units)::integer
      as "products whose receipts are not what was booked",
    (select count(*) from own o join quotes q on q.checkout_id = o.checkout_id and q.version = o.quote_version
     left join totals t using (order_id)
     where o.total_minor <> q.total_minor or o.total_minor <> t.total + (q.content->>'shippingMinor')::bigint
       or t.total is null)::integer as "orders whose total is not that of the quote and its lines",
    (select count(*) from own left join units u using (order_id) left join reserved r using (order_id)
     where u.units is distinct from r.units)::integer as "orders that hold other units than they sell",
    (select count(*) from own o left join payments p using (order_id)
     where p.order_id is null or p.amount_minor <> o.total_minor or p.authorised_minor > p.amount_minor)::integer
      as "orders without a payment of their total",
    (select count(*) from dead_letters where merchant_id = $1)::integer as "dead letters"`;
