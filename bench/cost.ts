import type { Database } from '../src/shared/postgres/client.ts';
import { pause } from './load.ts';

/** What one order costs, as the server counts it. */
export type Cost = { readonly walBytes: number; readonly rows: number; readonly statements: number };

/**
 * Counts what a piece of work costs, between two looks at the server's counters. The sessions of the work begin and end
 * between them: a session begins to count statements when it is told to, and reports rows when it ends.
 */
export async function countCost(
  database: Database,
  databaseName: string,
  orders: number,
  work: () => Promise<unknown>,
): Promise<Cost> {
  await database.execute({ text: 'create extension if not exists pg_stat_statements' });
  await database.execute({ text: `alter database ${databaseName} set pg_stat_statements.track = 'top'` });
  try {
    const before = await look(database);
    await work();
    const after = await look(database);
    return {
      walBytes: (after.walBytes - before.walBytes) / orders,
      rows: (after.rows - before.rows) / orders,
      statements: (after.statements - before.statements) / orders,
    };
  } finally {
    await database.execute({ text: `alter database ${databaseName} reset pg_stat_statements.track` });
  }
}

/** `pg_sleep` belongs to connecting, which is no part of an order. */
async function look(database: Database): Promise<Cost> {
  // Sessions that stay report what they have written within a second of their last statement.
  await pause(1_100);
  await database.query({ text: 'select pg_stat_force_next_flush()' });
  const rows = await database.query<Cost>({
    text: `
      select
        (select wal_bytes from pg_stat_wal)::double precision as "walBytes",
        (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables)::double precision as rows,
        (select coalesce(sum(calls), 0) from pg_stat_statements s join pg_database d on d.oid = s.dbid
         where d.datname = current_database() and query not like '%pg_sleep%')::double precision as statements`,
  });
  return rows[0] ?? { walBytes: Number.NaN, rows: Number.NaN, statements: Number.NaN };
}
