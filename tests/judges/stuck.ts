import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../src/shared/postgres/client.ts';
import { childrenOf, type NamedProcess, stateOf } from './process-state.ts';

export type { NamedProcess } from './process-state.ts';

/** Enough to see why, and never so much that nobody looks. */
const ordersMax = 50;
const rowsMax = 1_000;

/**
 * Writes down why a run does not come to rest, into a folder whose path it gives: for the orders that have not ended
 * their rows in every table, messages with their history, dead letters, the inbox, who waits for which lock, and what
 * each process waits for. Whatever cannot be had is named there instead; it never throws.
 */
export async function dumpStuck(options: {
  readonly database: Database;
  readonly processes?: readonly NamedProcess[];
}): Promise<string> {
  const parent = process.env.ONETILL_STUCK_DIR ?? tmpdir();
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'onetill-stuck-'));
  const { database } = options;
  const write = async (name: string, ask: () => Promise<unknown>): Promise<void> => {
    const found = await ask().catch((thrown: unknown) => ({ 'cannot be had': String(thrown) }));
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(found, plainValue, 2)}\n`);
  };
  // Processes first: what they wait for changes when their connections are looked at.
  const named = options.processes ?? [];
  const others = (await childrenOf(process.pid)).filter(({ pid }) => !named.some((each) => each.pid === pid));
  for (const each of [...named, ...others]) {
    await write(`process-${each.pid}`, async () => ({ name: each.name, ...(await stateOf(each.pid)) }));
  }
  await write(`process-${process.pid}-of-the-run`, async () => await stateOf(process.pid));
  await write('locks', () => locks(database));
  await write('orders', () => openOrders(database));
  await write('messages', () =>
    database.query({ text: `select * from messages order by available_at limit ${rowsMax}` }),
  );
  await write('dead-letters', () =>
    database.query({ text: `select * from dead_letters order by died_at limit ${rowsMax}` }),
  );
  await write('inbox', () =>
    database.query({
      text: `select * from operator_inbox where closed_at is null order by opened_at limit ${rowsMax}`,
    }),
  );
  await write('event-cursors', () => database.query({ text: `select * from event_cursors limit ${rowsMax}` }));
  return folder;
}

function plainValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** The oldest orders that have not ended or whose events are not all told, each with its rows in every table. */
async function openOrders(database: Database): Promise<Record<string, Record<string, unknown[]>>> {
  const orders = await database.query<{ id: string; checkout: string }>({
    text: `
      select order_id as id, checkout_id as checkout from orders o
      where status not in ('confirmed', 'cancelled')
        or (select count(*) from domain_events e where e.order_id = o.order_id)
           > (select count(*) from order_timeline t where t.order_id = o.order_id)
      order by created_at limit ${ordersMax}`,
  });
  const tables = await database.query<{ name: string }>({
    text: `
      select quote_ident(c.table_name) as name
      from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.table_schema = 'public' and c.column_name = 'order_id' and t.table_type = 'BASE TABLE'
      order by 1 limit 200`,
  });
  const found: Record<string, Record<string, unknown[]>> = {};
  for (const { id } of orders) found[id] = {};
  for (const { name } of tables) {
    const rows = await database.query<{ id: string; row: unknown }>({
      text: `
        select order_id as id, to_jsonb(t) - 'token' as row from ${name} t
        where order_id = any($1::uuid[]) limit ${rowsMax}`,
      values: [orders.map(({ id }) => id)],
    });
    for (const { id, row } of rows) {
      const of = found[id] ?? {};
      of[name] = [...(of[name] ?? []), row];
    }
  }
  return found;
}

/** Who runs what, who waits for what, and who is in the way. */
async function locks(database: Database): Promise<object[]> {
  return await database.query({
    text: `
      select a.pid, a.application_name, a.state, a.wait_event_type, a.wait_event, a.query,
             extract(epoch from clock_timestamp() - a.xact_start)::float8 as in_transaction_s,
             pg_blocking_pids(a.pid) as waits_for_pids, l.locktype, l.relation::regclass::text as relation, l.mode,
             l.granted
      from pg_stat_activity a left join pg_locks l on l.pid = a.pid
      where a.datname = current_database() and a.pid <> pg_backend_pid()
      order by a.pid, l.granted, l.locktype, l.mode
      limit ${rowsMax}`,
  });
}
