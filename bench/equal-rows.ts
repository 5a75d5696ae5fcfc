import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import type { Database } from '../src/shared/postgres/client.ts';
import type { Ground } from './ground.ts';
import { byHand, type Run } from './reference.ts';

type Side = (clients: number, orders: number) => Promise<Run>;

const orders = 200;
/** One after the other: orders that are committed together update a product that they share once. */
const clients = 1;
const sizeDifferenceMax = 0.1;

/**
 * Whether the reference writes what the commit writes: runs some orders of both, and compares what the server counted
 * (inserted, updated and deleted rows of every table), which columns are filled, and how large the rows are. Answers
 * the writes per order in words; throws when they differ.
 */
export async function compareWrites(ground: Ground, sides: { ours: Side; byHand: Side }): Promise<string> {
  const { database } = ground;
  const ours = await writesOf(database, sides.ours);
  const theirs = await writesOf(database, sides.byHand);
  const differing = [...new Set([...ours.keys(), ...theirs.keys()])].filter(
    (table) => ours.get(table) !== theirs.get(table),
  );
  if (differing.length > 0) {
    const told = differing.map((table) => `${table}: ${ours.get(table) ?? 'none'} and ${theirs.get(table) ?? 'none'}`);
    throw new Error(`the commit and the reference do not write the same rows: ${told.join('; ')}`);
  }
  await compareShapes(database);
  return [...ours].map(([table, writes]) => `${table} ${writes}`).join(', ');
}

/** Rows written per order and table, such as `3 updated`. What was opened beforehand is counted out. */
async function writesOf(database: Database, side: Side): Promise<Map<string, string>> {
  const before = await countedWrites(database);
  await side(clients, orders);
  const after = await countedWrites(database);
  const perOrder = new Map<string, string>();
  for (const [table, now] of after) {
    const then = before.get(table);
    // Opening a checkout inserts one row into each of these two.
    const opened = table === 'checkouts' || table === 'quotes' ? 1 : 0;
    const count = (name: keyof Writes) => Number(now[name] - (then?.[name] ?? 0n)) / orders;
    const parts = [
      [count('inserted') - opened, 'inserted'],
      [count('updated'), 'updated'],
      [count('deleted'), 'deleted'],
    ] as const;
    const told = parts.filter(([number]) => number !== 0).map(([number, what]) => `${number} ${what}`);
    if (told.length > 0) perOrder.set(table, told.join(' '));
  }
  return perOrder;
}

type Writes = { readonly inserted: bigint; readonly updated: bigint; readonly deleted: bigint };

/** The server's own counts. A session reports when it ends, so this waits until they have stood still. */
async function countedWrites(database: Database): Promise<Map<string, Writes>> {
  const triesMax = 20;
  const pauseMs = 300;
  let last = '';
  for (let tryNumber = 0; tryNumber < triesMax; tryNumber += 1) {
    await database.query({ text: 'select pg_stat_force_next_flush()' });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const rows = await database.query<Writes & { table: string }>({
      text: `
        select relname as table, n_tup_ins as inserted, n_tup_upd as updated, n_tup_del as deleted
        from pg_stat_user_tables order by relname`,
    });
    const text = rows.map((row) => `${row.table} ${row.inserted} ${row.updated} ${row.deleted}`).join();
    if (text === last) return new Map(rows.map(({ table, ...writes }) => [table, writes]));
    last = text;
  }
  throw new Error('the counts of written rows do not come to rest');
}

/** Rows of one order in each table: how many, how large, and which columns are filled. */
const shapes = `
  with ours as (select order_id from orders where merchant_id = $1 order by order_id desc limit 100),
  rows as (
    select 'audit_entries' as table, pg_column_size(t.*) as bytes, to_jsonb(t) as row
    from audit_entries t join ours using (order_id)
    union all select 'checkouts', pg_column_size(t.*), to_jsonb(t) from checkouts t join ours using (order_id)
    union all select 'commit_keys', pg_column_size(t.*), to_jsonb(t) from commit_keys t join ours using (order_id)
    union all select 'domain_events', pg_column_size(t.*), to_jsonb(t) from domain_events t join ours using (order_id)
    union all select 'messages', pg_column_size(t.*), to_jsonb(t) from messages t join ours using (order_id)
    union all select 'order_lines', pg_column_size(t.*), to_jsonb(t) from order_lines t join ours using (order_id)
    union all select 'orders', pg_column_size(t.*), to_jsonb(t) from orders t join ours using (order_id)
    union all select 'payments', pg_column_size(t.*), to_jsonb(t) from payments t join ours using (order_id)
    union all select 'reservations', pg_column_size(t.*), to_jsonb(t) from reservations t join ours using (order_id)
    union all select 'saga_steps', pg_column_size(t.*), to_jsonb(t) from saga_steps t join ours using (order_id)
    union all select 'sagas', pg_column_size(t.*), to_jsonb(t) from sagas t join ours using (order_id)
  )
  select r.table, (sum(bytes) / 100)::integer as bytes, count(*)::integer as count,
    (select string_agg(distinct key, ' ')
     from rows inner_rows, jsonb_object_keys(jsonb_strip_nulls(inner_rows.row)) as key
     where inner_rows.table = r.table) as filled
  from rows r group by r.table order by r.table`;

type Shape = { readonly table: string; readonly bytes: number; readonly count: number; readonly filled: string };

async function compareShapes(database: Database): Promise<void> {
  const ours = await database.query<Shape>({ text: shapes, values: [demoMerchant.merchantId] });
  const theirs = await database.query<Shape>({ text: shapes, values: [byHand] });
  const faults = ours.flatMap((one, index): string[] => {
    const other = theirs[index];
    if (other === undefined || other.table !== one.table) return [`${one.table} is missing`];
    const found: string[] = [];
    if (one.count !== other.count) found.push(`${one.table} has ${one.count} and ${other.count} rows`);
    if (one.filled !== other.filled) found.push(`${one.table} is filled as [${one.filled}] and [${other.filled}]`);
    if (Math.abs(one.bytes / other.bytes - 1) > sizeDifferenceMax)
      found.push(`${one.table} takes ${one.bytes} and ${other.bytes} bytes`);
    return found;
  });
  if (ours.length === 0 || faults.length > 0) {
    throw new Error(`the commit and the reference do not write alike rows: ${faults.join('; ')}`);
  }
}
