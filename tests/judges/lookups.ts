import type { Evidence, Tables } from './evidence.ts';

/** What several judges look up in the evidence. Plain sorting of rows; nothing is judged here. */

export type OrderRow = Tables['orders'][number];

export function groupedBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

/** Rows that have an order, by their order. */
export function byOrder<Row extends { readonly order_id: string | null }>(rows: readonly Row[]): Map<string, Row[]> {
  return groupedBy(
    rows.filter(({ order_id }) => order_id !== null),
    ({ order_id }) => order_id ?? '',
  );
}

/** What of the rows comes more than once. */
export function repeated<Row>(rows: readonly Row[], keyOf: (row: Row) => string): string[] {
  return [...groupedBy(rows, keyOf)].flatMap(([key, group]) => (group.length > 1 ? [key] : []));
}

export function sumOf<Row>(rows: readonly Row[], unitsOf: (row: Row) => bigint): bigint {
  return rows.reduce((sum, row) => sum + unitsOf(row), 0n);
}

/** Orders of which a person has been told and which the run may leave to that person. */
export function leftToPeople({ allowsPeople, ours }: Evidence): ReadonlySet<string> {
  if (allowsPeople !== true) return new Set();
  const open = ours.operator_inbox.filter(({ closed_at }) => closed_at === null);
  return new Set(open.flatMap(({ order_id }) => (order_id === null ? [] : [order_id])));
}

/** The order of a key of ours at the provider: `<order id>-authorise`. Null of any other key. */
export function orderOfKey(key: string): string | null {
  return /^([0-9a-f-]{36})-authorise$/.exec(key)?.[1] ?? null;
}

/** Authorisations that hold or have taken the buyer's money. */
export function isLive({ status }: Evidence['theirs'][number]): boolean {
  return status === 'authorised' || status === 'captured';
}

/** The provider's entries under each order's key. */
export function entriesByOrder(theirs: Evidence['theirs']): Map<string, Evidence['theirs'][number][]> {
  return groupedBy(theirs, ({ key }) => orderOfKey(key) ?? `no order: ${key}`);
}
