import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { byText, int8, type Statements, statement } from '../statement.ts';

type Stock = Row<'stock'>;
const byMerchantAndSku = (left: Stock, right: Stock): number =>
  byText(left.merchant_id, right.merchant_id) || byText(left.sku, right.sku);

/** src/inventory/reservations.sql.ts and src/inventory/stock.sql.ts */
export const ofInventory: Statements = {
  sell_reservations: statement<[string[]]>((run, [orderIds]) =>
    endReservations(run, orderIds, 'sold', (stock, units) => {
      return { held_units: stock.held_units - units, sold_units: stock.sold_units + units };
    }),
  ),

  release_reservations: statement<[string[]]>((run, [orderIds]) =>
    endReservations(run, orderIds, 'released', (stock, units) => ({ held_units: stock.held_units - units })),
  ),

  ensure_stock_row: statement<[string, string]>((run, [merchant_id, sku]) => {
    if (run.row('products', [merchant_id, sku]) === null) return 0;
    const made = run.insert('stock', { merchant_id, sku, received_units: 0n }, { on: 'primary' });
    return made === null ? 0 : 1;
  }),

  lock_stock_level: statement<[string, string]>((run, key) =>
    run.lock('stock', { key, is: () => run.row('products', key) !== null }).map((stock) => ({
      sku: stock.sku,
      title: run.row('products', key)?.title,
      receivedUnits: stock.received_units,
      soldUnits: stock.sold_units,
      heldUnits: stock.held_units,
      freeUnits: stock.received_units - stock.sold_units - stock.held_units,
    })),
  ),

  adjust_stock: statement<[string, string, bigint, string, string, string]>((run, values) => {
    const [merchant_id, sku, units, adjustment_id, reason, actor] = values;
    const adjusted = run.update('stock', { key: [merchant_id, sku] }, (stock) => {
      return { received_units: stock.received_units + int8(units) };
    });
    for (const _ of adjusted) {
      run.insert('stock_adjustments', { adjustment_id, merchant_id, sku, units: int8(units), reason, actor });
    }
    return adjusted.length;
  }),
};

/** Stock is locked in SKU order before reservations are looked at as they stand now. */
function endReservations(
  run: Running,
  orderIds: readonly string[],
  status: 'sold' | 'released',
  move: (stock: Stock, units: bigint) => Partial<Stock>,
): { orderId: string; units: bigint }[] {
  const isHeld = (each: Row<'reservations'>): boolean => orderIds.includes(each.order_id) && each.status === 'held';
  const held = run.rows('reservations', { is: isHeld });
  const isOfOrders = (stock: Stock): boolean =>
    held.some((each) => each.merchant_id === stock.merchant_id && each.sku === stock.sku);
  const locked = run.lock('stock', { is: isOfOrders }, { by: byMerchantAndSku });
  if (locked.length === 0) return [];
  const ended = run.update('reservations', { is: isHeld }, () => ({ status, changed_at: run.now }));
  for (const { merchant_id, sku } of locked) {
    const units = unitsOf(ended.filter((each) => each.merchant_id === merchant_id && each.sku === sku));
    if (units > 0n) run.update('stock', { key: [merchant_id, sku] }, (stock) => move(stock, units));
  }
  return [...new Set(ended.map(({ order_id }) => order_id))].map((orderId) => {
    return { orderId, units: unitsOf(ended.filter(({ order_id }) => order_id === orderId)) };
  });
}

function unitsOf(reservations: readonly Row<'reservations'>[]): bigint {
  return reservations.reduce((sum, { units }) => sum + units, 0n);
}
