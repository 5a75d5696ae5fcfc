import { assert } from '../shared/assert.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Queryable, Transaction } from '../shared/postgres/client.ts';

/** received = sold + held + free. On hand is what lies in the store: held + free. */
export type StockLevel = {
  readonly sku: string;
  readonly title: string;
  readonly receivedUnits: bigint;
  readonly soldUnits: bigint;
  readonly heldUnits: bigint;
  readonly freeUnits: bigint;
};

/** A trillion units; their sums stay exact in JSON. */
export const stockUnitsMax = 1_000_000_000_000n;

/** The stock of one SKU, or null if it has none recorded. */
export async function showStock(db: Queryable, merchantId: string, sku: string): Promise<StockLevel | null> {
  const rows = await db.query<StockLevel>({
    text: `
      select s.sku, p.title, s.received_units as "receivedUnits", s.sold_units as "soldUnits",
        s.held_units as "heldUnits", s.received_units - s.sold_units - s.held_units as "freeUnits"
      from stock s
      join products p on p.merchant_id = s.merchant_id and p.sku = s.sku
      where s.merchant_id = $1 and s.sku = $2`,
    values: [merchantId, sku],
  });
  return rows[0] ?? null;
}

/** Up to `limit` (1 to 1000) levels in SKU order, after the given SKU if one is given. */
export async function listStock(
  db: Queryable,
  ask: { readonly merchantId: string; readonly afterSku: string | null; readonly limit: number },
): Promise<StockLevel[]> {
  assert(Number.isInteger(ask.limit) && ask.limit >= 1 && ask.limit <= 1_000, 'a page within its limit');
  return db.query<StockLevel>({
    text: `
      select s.sku, p.title, s.received_units as "receivedUnits", s.sold_units as "soldUnits",
        s.held_units as "heldUnits", s.received_units - s.sold_units - s.held_units as "freeUnits"
      from stock s
      join products p on p.merchant_id = s.merchant_id and p.sku = s.sku
      where s.merchant_id = $1 and ($2::text is null or s.sku > $2)
      order by s.sku
      limit $3`,
    values: [ask.merchantId, ask.afterSku, ask.limit],
  });
}

export type ReceivedStock = {
  readonly merchantId: string;
  readonly skus: readonly string[];
  readonly units: readonly number[];
  readonly actor: string;
  readonly reason: string;
  readonly newId: NewId;
};

/**
 * Receives the first stock of SKUs that have none recorded yet, each with its adjustment; others are left as they are.
 * Returns what was received.
 */
export async function receiveFirstStock(tx: Transaction, batch: ReceivedStock): Promise<{ units: bigint }[]> {
  assert(batch.skus.length === batch.units.length, 'units for every SKU');
  return tx.query<{ units: bigint }>({
    text: `
      with new as (
        select * from unnest($2::text[], $3::bigint[], $4::uuid[]) as new (sku, units, adjustment_id) order by sku
      ), received as (
        insert into stock (merchant_id, sku, received_units)
        select $1, sku, units from new
        on conflict (merchant_id, sku) do nothing
        returning sku
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      select new.adjustment_id, $1, new.sku, new.units, $5, $6
      from new join received on received.sku = new.sku
      returning units`,
    values: [batch.merchantId, batch.skus, batch.units, batch.skus.map(batch.newId), batch.reason, batch.actor],
  });
}

export type SetOnHand = {
  readonly merchantId: string;
  readonly sku: string;
  /** What lies in the store after counting: held and free. 0 to stockUnitsMax. */
  readonly onHandUnits: bigint;
  readonly actor: string;
  readonly reason: string;
  readonly newId: NewId;
};

/**
 * Sets what is on hand after a count, and writes why. Refused with `stock_held` where orders hold more than that, and
 * with `not_found` where there is no such product. Setting what is there already changes nothing and writes nothing.
 */
export async function setOnHand(tx: Transaction, ask: SetOnHand): Promise<Refused | StockLevel> {
  assert(ask.onHandUnits >= 0n && ask.onHandUnits <= stockUnitsMax, 'units within their limit');
  await ensureStockRow(tx, ask.merchantId, ask.sku);
  const stock = await lockStock(tx, ask.merchantId, ask.sku);
  if (stock === null) return refuse('not_found', `There is no product ${ask.sku}.`, { path: '$.sku' });
  if (ask.onHandUnits < stock.heldUnits) {
    return refuse(
      'stock_held',
      `Orders hold ${stock.heldUnits} of ${ask.sku}: on hand cannot be ${ask.onHandUnits} before they are settled.`,
      { path: '$.on_hand', details: { sku: ask.sku, heldUnits: Number(stock.heldUnits) } },
    );
  }
  const units = ask.onHandUnits + stock.soldUnits - stock.receivedUnits;
  if (units !== 0n) await adjustStock(tx, ask, units);
  return { ...stock, receivedUnits: stock.receivedUnits + units, freeUnits: stock.freeUnits + units };
}

/** A product without stock recorded gets a row of zeros, so that there is a row to lock. */
async function ensureStockRow(tx: Transaction, merchantId: string, sku: string): Promise<void> {
  await tx.execute({
    name: 'ensure_stock_row',
    text: `
      insert into stock (merchant_id, sku, received_units)
      select merchant_id, sku, 0 from products where merchant_id = $1 and sku = $2
      on conflict (merchant_id, sku) do nothing`,
    values: [merchantId, sku],
  });
}

async function lockStock(tx: Transaction, merchantId: string, sku: string): Promise<StockLevel | null> {
  const rows = await tx.query<StockLevel>({
    name: 'lock_stock_level',
    text: `
      select s.sku, p.title, s.received_units as "receivedUnits", s.sold_units as "soldUnits",
        s.held_units as "heldUnits", s.received_units - s.sold_units - s.held_units as "freeUnits"
      from stock s
      join products p on p.merchant_id = s.merchant_id and p.sku = s.sku
      where s.merchant_id = $1 and s.sku = $2
      for update of s`,
    values: [merchantId, sku],
  });
  return rows[0] ?? null;
}

async function adjustStock(tx: Transaction, ask: SetOnHand, units: bigint): Promise<void> {
  const changed = await tx.execute({
    name: 'adjust_stock',
    text: `
      with adjusted as (
        update stock set received_units = received_units + $3
        where merchant_id = $1 and sku = $2
        returning merchant_id, sku
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      select $4, merchant_id, sku, $3, $5, $6 from adjusted`,
    values: [ask.merchantId, ask.sku, units, ask.newId(), ask.reason, ask.actor],
  });
  assert(changed === 1, 'the locked stock row was adjusted');
}
