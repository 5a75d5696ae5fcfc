import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import type { Database } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';

const templates = 100;
const ordersAtOnce = 100_000;

/**
 * Fills the tables that the commit reads and writes with confirmed orders of one line each, as copies of some
 * checkouts, in as few statements as there are tables. Keys ascend and are older than any new one, as those of real
 * orders are.
 */
export async function fillOrders(database: Database, count: number): Promise<void> {
  const offers = await readAllOffers(database, demoMerchant.merchantId);
  const templateIds = await openCheckouts(database, offers, { count: templates, seed: 7_000, linesEach: 1 });
  for (let from = 0; from < count; from += ordersAtOnce) {
    await database.transaction(async (tx) => {
      // The rows are right by making; checking each reference of each would take longer than all the rest.
      await tx.execute({ text: 'set local session_replication_role = replica' });
      const to = Math.min(count, from + ordersAtOnce) - 1;
      await tx.execute({
        text: makeRows,
        takesItsTime: true,
        values: [from, to, templateIds, demoMerchant.merchantId],
      });
    });
  }
  await database.execute({
    text: `
      with sold as (select sku, sum(units) as units from reservations where merchant_id = $1 group by sku)
      update stock s set sold_units = sold.units from sold where s.merchant_id = $1 and s.sku = sold.sku`,
    values: [demoMerchant.merchantId],
    takesItsTime: true,
  });
  await database.execute({ text: 'vacuum analyze', takesItsTime: true });
}

const makeRows = `
  with made as (
    select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id, n,
           q.content, q.total_minor, q.content->'lines'->0 as line, now() - interval '1 day' as at
    from generate_series($1::integer, $2::integer) as n
    join quotes q on q.checkout_id = ($3::uuid[])[1 + n % cardinality($3::uuid[])]
  ), checkout_rows as (
    insert into checkouts (checkout_id, merchant_id, caller_id, status, quote_version, order_id, expires_at)
    select id, $4, 'shop', 'completing', 1, id, at from made
  ), quote_rows as (
    insert into quotes (checkout_id, version, merchant_id, currency, total_minor, content)
    select id, 1, $4, 'GBP', total_minor, content from made
  ), key_rows as (
    insert into commit_keys (merchant_id, caller_id, operation, idempotency_key, request_sha256, checkout_id, outcome,
      order_id)
    select $4, 'shop', 'complete', id::text, sha256(n::text::bytea), id,
      jsonb_build_object('outcome', 'committed', 'version', 1, 'orderId', id), id from made
  ), order_rows as (
    insert into orders (order_id, merchant_id, caller_id, checkout_id, quote_version, status, currency, total_minor,
      buyer_sha256, ship_to_country, next_sequence, created_at, status_since)
    select id, $4, 'shop', id, 1, 'confirmed', 'GBP', total_minor, sha256(n::text::bytea), 'GB', 3, at, at from made
  ), line_rows as (
    insert into order_lines (order_id, line_number, sku, title, quantity, unit_price_minor, total_minor)
    select id, 1, line->>'sku', line->>'title', 1, (line->>'unitPriceMinor')::bigint, (line->>'totalMinor')::bigint
    from made
  ), reservation_rows as (
    insert into reservations (order_id, sku, merchant_id, units, status)
    select id, line->>'sku', $4, 1, 'sold' from made
  ), payment_rows as (
    insert into payments (payment_id, merchant_id, order_id, provider, token, status, currency, amount_minor,
      authorised_minor, provider_reference)
    select id, $4, id, 'simulated', 'tok_ok', 'authorised', 'GBP', total_minor, total_minor, 'auth_' || n from made
  ), saga_rows as (
    insert into sagas (order_id, merchant_id, name, version, status)
    select id, $4, 'online-order', 1, 'completed' from made
  ), step_rows as (
    insert into saga_steps (order_id, step, position, status, undo, attempts, ended_at)
    select id, 'hold-stock', 0, 'done', 'registered', 1, at from made
  ), handled_rows as (
    insert into messages_handled (consumer, message_id, type, order_id, attempts, first_enqueued_at)
    select 'saga', id, 'screen-for-fraud', id, 1, at from made
  ), event_rows as (
    insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
    select id, $4, id, 1, 'OrderPending', 1, jsonb_build_object('line_count', 1) from made
  )
  insert into audit_entries (entry_id, merchant_id, order_id, actor, action)
  select id, $4, id, 'caller shop', 'order committed' from made`;
