import { sleep } from '../../../src/shared/clock.ts';
import { connect, type Database, databaseOver } from '../../../src/shared/postgres/client.ts';
import { createTestDatabase } from '../../harness/database.ts';
import { type SeedRows, seedDatabase, seedStore } from '../seed-rows.ts';
import { memoryPool, straightLine } from '../store/memory-pool.ts';
import { type AnyRow, definitions, type TableName, tableNames } from '../store/schema.ts';
import type { Statements } from '../store/statement.ts';
import { statements } from '../store/statements/all.ts';
import { createStore } from '../store/store.ts';

export type TablesOfStore = Readonly<Record<TableName, readonly AnyRow[]>>;

/** A store as its contract sees it: the project's client over it, a clock that is set, and its tables from outside. */
export type StoreUnderTest = {
  readonly name: string;
  readonly database: Database;
  /** What now() gives from the next transaction on. */
  setClock(atMs: number): Promise<void>;
  tables(): Promise<TablesOfStore>;
  /** Resolves when no transaction is older than the latest event; all databases of a server share transactions. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
};

export async function openMemory(
  rows: SeedRows,
  startMs: number,
  own: Statements = statements,
): Promise<StoreUnderTest> {
  let nowMs = startMs;
  const store = createStore({ nowMs: () => nowMs, statements: own });
  seedStore(store, rows);
  return {
    name: 'memory',
    database: databaseOver(memoryPool(store, straightLine), async (channel, onNotice) => {
      const stop = store.listen(channel, onNotice);
      return async () => stop();
    }),
    async setClock(atMs) {
      nowMs = atMs;
    },
    async tables() {
      const found = tableNames.map((name): [string, readonly AnyRow[]] => [name, store.committed(name)]);
      return ranked(Object.fromEntries(found) as TablesOfStore);
    },
    async quiet() {},
    async stop() {},
  };
}

/**
 * A real server whose now() is set too: a schema that is looked up before the catalogue has a now() of its own, and the
 * defaults of the columns are bound to it. The statements are the project's, to the letter.
 */
export async function openPostgres(rows: SeedRows, startMs: number): Promise<StoreUnderTest> {
  const scratch = await createTestDatabase({ connectionsMax: 2 });
  await bindClock(scratch.database);
  const database = connect({ url: scratch.url, applicationName: 'store contract', connectionsMax: 10 });
  const setClock = async (atMs: number): Promise<void> => {
    await database.execute({ text: 'update clock.clock set at = $1', values: [new Date(atMs)] });
  };
  await setClock(startMs);
  await seedDatabase(database, rows);
  return {
    name: 'PostgreSQL',
    database,
    setClock,
    async tables() {
      const found: [string, readonly AnyRow[]][] = [];
      for (const name of tableNames) {
        const columns = definitions[name].columns.map(([column]) => column);
        const list = columns.map((column) => (isTransactionId(name, column) ? `${column}::text::bigint` : column));
        found.push([name, await database.query({ text: `select ${list.join(', ')} from ${name}` })]);
      }
      return ranked(Object.fromEntries(found) as TablesOfStore);
    },
    async quiet() {
      const { rows } = await untilQuiet(database);
      if (rows > 0) throw new Error('the server has a transaction that does not end');
    },
    async stop() {
      await database.close();
      await scratch.drop();
    },
  };
}

async function untilQuiet(database: Database): Promise<{ rows: number }> {
  const triesMax = 500;
  let rows = 0;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const hidden = await database.query({
      text: 'select 1 from domain_events where transaction_id >= pg_snapshot_xmin(pg_current_snapshot()) limit 1',
    });
    rows = hidden.length;
    if (rows === 0) break;
    await sleep(20);
  }
  return { rows };
}

async function bindClock(database: Database): Promise<void> {
  await database.execute({ text: 'create schema clock' });
  await database.execute({ text: 'create table clock.clock (at timestamptz not null)' });
  await database.execute({ text: "insert into clock.clock values ('2026-01-01')" });
  await database.execute({
    text: `create function clock.now() returns timestamptz language sql stable as 'select at from clock.clock'`,
  });
  const [current] = await database.query<{ name: string }>({ text: 'select current_database() as name' });
  await database.execute({
    text: `alter database ${current?.name} set search_path = public, clock, pg_catalog`,
  });
  await database.execute({ text: `alter database ${current?.name} set timezone = 'UTC'` });
  const defaults = await database.query<{ table: string; column: string }>({
    text: `
      select table_name as table, column_name as column from information_schema.columns
      where table_schema = 'public' and column_default = 'now()'`,
  });
  for (const { table, column } of defaults) {
    await database.execute({ text: `alter table ${table} alter column ${column} set default clock.now()` });
  }
}

function isTransactionId(table: TableName, name: string): boolean {
  return definitions[table].columns.some(([column, { type }]) => column === name && type === 'xid8');
}

/** Numbers that a server gives to transactions and positions differ; what counts is which comes before which. */
function ranked(tables: TablesOfStore): TablesOfStore {
  const rows = [...tables.domain_events, ...tables.event_cursors];
  const rankOf = (column: string) => {
    const values = [...new Set(rows.map((row) => row[column] as bigint))].sort((a, b) => (a < b ? -1 : 1));
    return new Map(values.map((value, index) => [value, index]));
  };
  const [ids, positions] = [rankOf('transaction_id'), rankOf('position')];
  const rank = (row: AnyRow): AnyRow => ({
    ...row,
    transaction_id: ids.get(row.transaction_id as bigint),
    position: positions.get(row.position as bigint),
  });
  const [domain_events, event_cursors] = [tables.domain_events.map(rank), tables.event_cursors.map(rank)];
  const event_eras = tables.event_eras.map(({ era, after_position }) => ({ era, after_position }));
  return { ...tables, domain_events, event_cursors, event_eras };
}
