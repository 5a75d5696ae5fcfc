import type { Evidence } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, groupedBy, sumOf } from './lookups.ts';

type Sku = { readonly merchant_id: string; readonly sku: string };
const nameOf = ({ merchant_id, sku }: Sku): string => `${merchant_id} ${sku}`;

/** Every unit is received, sold, held or free, per SKU, and each order holds or has bought what its lines say. */
export const noOversell: Judge = {
  promise: 3,
  file: 'tests/judges/promise-3-no-oversell.ts',
  compares: 'stock against the sums of adjustments and reservations, and reservations against order lines',
  judge: (evidence) => [...eachSku(evidence), ...eachOrder(evidence)],
};

function eachSku({ ours }: Evidence): Violation[] {
  const adjustments = groupedBy(ours.stock_adjustments, nameOf);
  const reservations = groupedBy(ours.reservations, nameOf);
  const known = new Set(ours.stock.map(nameOf));
  const strangers = [...adjustments.keys(), ...reservations.keys()].filter((name) => !known.has(name));
  return [
    ...[...new Set(strangers)].map((name) => about(name, 'is adjusted or reserved, and has no stock')),
    ...ours.stock.flatMap((stock): Violation[] => {
      const { received_units: received, sold_units: sold, held_units: held } = stock;
      const of = reservations.get(nameOf(stock)) ?? [];
      const adjusted = sumOf(adjustments.get(nameOf(stock)) ?? [], ({ units }) => units);
      const soldToOrders = unitsOf(of, 'sold');
      const heldByOrders = unitsOf(of, 'held');
      const found: (string | false)[] = [
        received - sold - held < 0n && `${sold} sold and ${held} held of ${received} received`,
        (received < 0n || sold < 0n || held < 0n) && `${received} received, ${sold} sold, ${held} held`,
        received !== adjusted && `${received} received, and the adjustments add up to ${adjusted}`,
        sold !== soldToOrders && `${sold} sold, and orders have bought ${soldToOrders}`,
        held !== heldByOrders && `${held} held, and orders hold ${heldByOrders}`,
      ];
      return found.flatMap((says) => (says === false ? [] : [about(nameOf(stock), says)]));
    }),
  ];
}

function eachOrder({ ours }: Evidence): Violation[] {
  const lines = byOrder(ours.order_lines);
  const reservations = byOrder(ours.reservations);
  const orderIds = new Set([...lines.keys(), ...reservations.keys()]);
  return [...orderIds].flatMap((orderId): Violation[] => {
    const wanted = unitsBySku(
      (lines.get(orderId) ?? []).map(({ sku, quantity }) => ({ sku, units: BigInt(quantity) })),
    );
    const reserved = unitsBySku(reservations.get(orderId) ?? []);
    if (wanted === reserved) return [];
    return [{ promise: 3, subject: `order ${orderId}`, says: `its lines are ${wanted}, its reservations ${reserved}` }];
  });
}

function unitsBySku(rows: readonly { readonly sku: string; readonly units: bigint }[]): string {
  const skus = [...groupedBy(rows, ({ sku }) => sku)].map(([sku, of]) => `${sumOf(of, ({ units }) => units)} ${sku}`);
  return skus.length === 0 ? 'none' : skus.sort().join(', ');
}

function unitsOf(rows: readonly { readonly units: bigint; readonly status: string }[], status: string): bigint {
  return sumOf(
    rows.filter((row) => row.status === status),
    ({ units }) => units,
  );
}

function about(sku: string, says: string): Violation {
  return { promise: 3, subject: `stock of ${sku}`, says };
}
