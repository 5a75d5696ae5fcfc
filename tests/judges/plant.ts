import type { ClientCall, Evidence, ProviderAuthorisation, Tables } from './evidence.ts';

/** Ways to spoil an evidence in one place. Each throws where there is no such place: a canary must plant something. */

type Row<Table extends keyof Tables> = NonNullable<Tables[Table]>[number];

/** The first row that fits, changed. */
export function changed<Table extends keyof Tables>(
  evidence: Evidence,
  table: Table,
  fits: (row: Row<Table>) => boolean,
  change: Partial<Row<Table>>,
): Evidence {
  return withRows(
    evidence,
    table,
    spoiled(rowsOf(evidence, table), fits, (row) => [{ ...row, ...change }]),
  );
}

/** The first row that fits, gone. */
export function without<Table extends keyof Tables>(
  evidence: Evidence,
  table: Table,
  fits: (row: Row<Table>) => boolean,
): Evidence {
  return withRows(
    evidence,
    table,
    spoiled(rowsOf(evidence, table), fits, () => []),
  );
}

/** The first row that fits, and beside it the same row once more with a change. */
export function doubled<Table extends keyof Tables>(
  evidence: Evidence,
  table: Table,
  fits: (row: Row<Table>) => boolean,
  change: Partial<Row<Table>>,
): Evidence {
  return withRows(
    evidence,
    table,
    spoiled(rowsOf(evidence, table), fits, (row) => [row, { ...row, ...change }]),
  );
}

/** The last call of clients that fits, with other words or another request. */
export function toldOtherwise(
  evidence: Evidence,
  fits: (call: ClientCall) => boolean,
  change: (call: ClientCall) => Partial<ClientCall>,
): Evidence {
  const last = evidence.history.findLast(fits);
  return {
    ...evidence,
    history: spoiled(
      evidence.history,
      (call) => call === last,
      (call) => [{ ...call, ...change(call) }],
    ),
  };
}

/** No call that fits. */
export function untold(evidence: Evidence, fits: (call: ClientCall) => boolean): Evidence {
  if (!evidence.history.some(fits)) throw new Error('there is no such call to take away');
  return { ...evidence, history: evidence.history.filter((call) => !fits(call)) };
}

/** The first authorisation in the provider's books that fits, replaced by these. */
export function booked(
  evidence: Evidence,
  fits: (entry: ProviderAuthorisation) => boolean,
  change: (entry: ProviderAuthorisation) => readonly ProviderAuthorisation[],
): Evidence {
  return { ...evidence, theirs: spoiled(evidence.theirs, fits, change) };
}

/** The id of the first order that fits, for changes of what belongs to it. */
export function orderOf(evidence: Evidence, fits: (row: Row<'orders'>) => boolean): string {
  const found = evidence.ours.orders.find(fits);
  if (found === undefined) throw new Error('there is no such order to spoil');
  return found.order_id;
}

function rowsOf<Table extends keyof Tables>({ ours }: Evidence, table: Table): readonly Row<Table>[] {
  return (ours[table] ?? []) as readonly Row<Table>[];
}

function withRows<Table extends keyof Tables>(evidence: Evidence, table: Table, rows: readonly Row<Table>[]): Evidence {
  return { ...evidence, ours: { ...evidence.ours, [table]: rows } };
}

function spoiled<T>(all: readonly T[], fits: (each: T) => boolean, change: (each: T) => readonly T[]): readonly T[] {
  const index = all.findIndex(fits);
  const found = all[index];
  if (found === undefined) throw new Error('there is nothing there to spoil');
  return [...all.slice(0, index), ...change(found), ...all.slice(index + 1)];
}
