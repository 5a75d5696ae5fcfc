import { currencyOf } from '../shared/money.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';
import type { KnownKey, StoredOutcome } from './commit.ts';
import type { Offer } from './quote.ts';

type KeyRef = { readonly merchantId: string; readonly callerId: string; readonly idempotencyKey: string };

/** The answers that are known under the keys of complete, by position in the request list. */
export async function readCompleteKeys(db: Queryable, keys: readonly KeyRef[]): Promise<Map<number, KnownKey>> {
  const rows = await db.query<{ position: bigint; requestSha256: Uint8Array; outcome: StoredOutcome }>({
    name: 'read_complete_keys',
    text: `
      select wanted.position, k.request_sha256 as "requestSha256", k.outcome
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted(merchant_id, caller_id, key, position)
      join commit_keys k on k.merchant_id = wanted.merchant_id and k.caller_id = wanted.caller_id
        and k.operation = 'complete' and k.idempotency_key = wanted.key
      limit 1000`,
    values: [keys.map((key) => key.merchantId), keys.map((key) => key.callerId), keys.map((key) => key.idempotencyKey)],
  });
  return new Map(
    rows.map((row) => [Number(row.position) - 1, { requestSha256: row.requestSha256, outcome: row.outcome }]),
  );
}

export type LockedOffer = Offer & { readonly merchantId: string };

/**
 * Locks the stock of the SKUs, in SKU order so that no two commits wait for each other in a circle, and reads what is
 * free and what it costs now. Nobody else changes this stock until the transaction ends.
 */
export async function lockStock(
  tx: Transaction,
  skus: readonly { merchantId: string; sku: string }[],
): Promise<LockedOffer[]> {
  const rows = await tx.query<Omit<LockedOffer, 'currency'> & { currency: string }>({
    name: 'lock_stock',
    text: `
      select p.merchant_id as "merchantId", p.sku, p.title, p.price_minor as "priceMinor", p.currency, p.active,
             s.received_units - s.sold_units - s.held_units as "freeUnits"
      from unnest($1::text[], $2::text[]) as wanted(merchant_id, sku)
      join stock s on s.merchant_id = wanted.merchant_id and s.sku = wanted.sku
      join products p on p.merchant_id = s.merchant_id and p.sku = s.sku
      order by s.merchant_id, s.sku
      for update of s`,
    values: [skus.map((each) => each.merchantId), skus.map((each) => each.sku)],
  });
  return rows.map((row) => ({ ...row, currency: currencyOf(row.currency) }));
}

export type CommitRows = {
  readonly orders: readonly Record<string, unknown>[];
  readonly lines: readonly Record<string, unknown>[];
  /**
   * One row per SKU, as arrays: a JSON recordset is planned as a hundred rows, for which the whole stock was read
   * (measured: a quarter to a third of the commit's time at 3,000 products).
   */
  readonly holds: readonly { readonly merchantId: string; readonly sku: string; readonly units: bigint }[];
  readonly reservations: readonly Record<string, unknown>[];
  readonly keys: readonly Record<string, unknown>[];
  readonly quotes: readonly Record<string, unknown>[];
};

/**
 * Writes every outcome of a batch in one statement: keys, checkouts, held stock, orders with their lines, payment
 * intents, sagas with their first step done and its undo registered, first messages, first events, audit entries.
 * Returns how many checkouts were taken or quoted anew: fewer than there are orders and quotes means that one changed
 * since it was read, and the caller must roll back.
 */
export async function writeCommit(tx: Transaction, rows: CommitRows): Promise<number> {
  const result = await tx.query<{ taken: number }>({
    name: 'write_commit',
    text: writeStatement,
    values: [
      JSON.stringify(rows.orders),
      JSON.stringify(rows.lines),
      rows.holds.map((hold) => hold.merchantId),
      JSON.stringify(rows.reservations),
      JSON.stringify(rows.keys),
      JSON.stringify(rows.quotes),
      rows.holds.map((hold) => hold.sku),
      rows.holds.map((hold) => hold.units),
    ],
  });
  return result[0]?.taken ?? 0;
}

const writeStatement = `
  with new_orders as materialized (
    select * from jsonb_to_recordset($1) as o(
      order_id uuid, merchant_id text, caller_id text, checkout_id uuid, quote_version integer, currency text,
      total_minor bigint, buyer_sha256 text, ship_to_country text, billing_country text, deadline_in_ms bigint,
      payment_id uuid, provider text, token text, saga text, saga_version integer,
      message_id uuid, queue text, message_type text, message_version integer, event_id uuid, event_version integer,
      event_data jsonb, entry_id uuid, traceparent text)
  ), new_quotes as (
    select * from jsonb_to_recordset($6) as q(
      checkout_id uuid, version integer, merchant_id text, currency text, total_minor bigint, content jsonb,
      seen_order_id uuid)
  ), keys as (
    insert into commit_keys
      (merchant_id, caller_id, operation, idempotency_key, request_sha256, checkout_id, outcome, order_id)
    select merchant_id, caller_id, 'complete', idempotency_key, decode(request_sha256, 'hex'), checkout_id, outcome,
           order_id
    from jsonb_to_recordset($5) as k(merchant_id text, caller_id text, idempotency_key text, request_sha256 text,
         checkout_id uuid, outcome jsonb, order_id uuid)
  ), taken as (
    update checkouts c set status = 'completing', order_id = n.order_id, updated_at = now()
    from new_orders n
    where c.checkout_id = n.checkout_id and c.quote_version = n.quote_version and c.status <> 'cancelled'
    returning c.checkout_id
  ), requoted as (
    insert into quotes (checkout_id, version, merchant_id, currency, total_minor, content)
    select checkout_id, version, merchant_id, currency, total_minor, content from new_quotes
  ), repriced as (
    update checkouts c set quote_version = n.version, status = 'open', order_id = null, updated_at = now()
    from new_quotes n
    where c.checkout_id = n.checkout_id and c.quote_version = n.version - 1 and c.status <> 'cancelled'
      and c.order_id is not distinct from n.seen_order_id
    returning c.checkout_id
  ), held as (
    update stock s set held_units = s.held_units + h.units
    from unnest($3::text[], $7::text[], $8::bigint[]) as h(merchant_id, sku, units)
    where s.merchant_id = h.merchant_id and s.sku = h.sku
  ), orders as (
    insert into orders (order_id, merchant_id, caller_id, checkout_id, quote_version, status, currency, total_minor,
                        buyer_sha256, ship_to_country, billing_country, deadline_at, next_sequence)
    select order_id, merchant_id, caller_id, checkout_id, quote_version, 'pending', currency, total_minor,
           decode(buyer_sha256, 'hex'), ship_to_country, billing_country,
           now() + deadline_in_ms * interval '1 millisecond', 2
    from new_orders
  ), lines as (
    insert into order_lines (order_id, line_number, sku, title, quantity, unit_price_minor, total_minor)
    select order_id, line_number, sku, title, quantity, unit_price_minor, total_minor
    from jsonb_to_recordset($2) as l(order_id uuid, line_number integer, sku text, title text, quantity integer,
         unit_price_minor bigint, total_minor bigint)
  ), reserved as (
    insert into reservations (order_id, sku, merchant_id, units, status)
    select order_id, sku, merchant_id, units, 'held'
    from jsonb_to_recordset($4) as r(order_id uuid, sku text, merchant_id text, units bigint)
  ), intents as (
    insert into payments (payment_id, merchant_id, order_id, provider, token, status, currency, amount_minor)
    select payment_id, merchant_id, order_id, provider, token, 'intended', currency, total_minor from new_orders
  ), begun as (
    insert into sagas (order_id, merchant_id, name, version, status)
    select order_id, merchant_id, saga, saga_version, 'running' from new_orders
  ), first_steps as (
    insert into saga_steps (order_id, step, position, status, undo, attempts, ended_at)
    select order_id, 'hold-stock', 0, 'done', 'registered', 1, now() from new_orders
  ), sent as (
    insert into messages
      (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload, traceparent)
    select message_id, queue, message_type, message_version, merchant_id, order_id, order_id::text, '{}', traceparent
    from new_orders
  ), told as (
    insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data, traceparent)
    select event_id, merchant_id, order_id, 1, 'OrderPending', event_version, event_data, traceparent from new_orders
  ), audited as (
    insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
    select entry_id, merchant_id, order_id, 'caller ' || caller_id, 'order committed', 'checkout chk_' || checkout_id
    from new_orders
  )
  select ((select count(*) from taken) + (select count(*) from repriced))::integer as taken`;
