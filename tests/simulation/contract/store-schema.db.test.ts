import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../harness/database.ts';
import { definitions, tableNames } from '../store/schema.ts';

let scratch: TestDatabase;
beforeAll(async () => {
  scratch = await createTestDatabase();
});
afterAll(async () => {
  await scratch?.drop();
});

async function rowsOf<Row extends object>(text: string): Promise<Map<string, Row[]>> {
  const rows = await scratch.database.query<Row & { table: string }>({ text, values: [tableNames] });
  const byTable = new Map<string, Row[]>(tableNames.map((name) => [name, []]));
  for (const { table, ...row } of rows) byTable.get(table)?.push(row as unknown as Row);
  return byTable;
}

test('the store in memory has the columns that the migrations make, with their types, nulls and defaults', async () => {
  const real = await rowsOf<{ name: string; type: string; isNullable: boolean; hasDefault: boolean }>(`
    select table_name as table, column_name as name, data_type as type, is_nullable = 'YES' as "isNullable",
           -- The number of the transaction is given by the statements of the store themselves.
           column_default is not null and column_default not like 'pg_current_xact_id%' as "hasDefault"
    from information_schema.columns where table_schema = 'public' and table_name = any($1)
    order by ordinal_position`);
  for (const table of tableNames) {
    const columns = definitions[table].columns.map(([name, { type, isNullable, initial }]) => {
      return { name, type, isNullable, hasDefault: initial !== null };
    });
    expect([table, ...columns.sort(byName)]).toEqual([table, ...(real.get(table) ?? []).sort(byName)]);
  }
});

test('the store in memory has the keys and the unique indexes that the migrations make', async () => {
  const real = await rowsOf<{ name: string; isPrimary: boolean; columns: string[]; isPartial: boolean }>(`
    select t.relname as table, i.relname as name, x.indisprimary as "isPrimary", x.indpred is not null as "isPartial",
           array(select a.attname::text from unnest(x.indkey) with ordinality k(attnum, at)
                 join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum order by k.at) as columns
    from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
    where x.indisunique and t.relname = any($1) and t.relnamespace = 'public'::regnamespace`);
  for (const table of tableNames) {
    const { key, unique } = definitions[table];
    const rows = real.get(table) ?? [];
    expect([table, rows.find(({ isPrimary }) => isPrimary)?.columns]).toEqual([table, key]);
    const others = rows.filter(({ isPrimary }) => !isPrimary).map(({ isPrimary: _, ...index }) => index);
    const own = unique.map(({ name, columns, isPartial }) => ({ name, isPartial, columns }));
    expect([table, ...own.sort(byName)]).toEqual([table, ...others.sort(byName)]);
  }
});

test('the store in memory has every check by its name, every foreign key, and what is never changed', async () => {
  const checks = await rowsOf<{ name: string }>(`
    select t.relname as table, c.conname as name from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.contype = 'c' and t.relname = any($1) and t.relnamespace = 'public'::regnamespace`);
  const foreign = await rowsOf<{ name: string }>(`
    select t.relname as table, f.relname || ' ' || array_to_string(array(
             select a.attname from unnest(c.conkey) with ordinality k(attnum, at)
             join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum order by k.at), ' ') as name
    from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class f on f.oid = c.confrelid
    where c.contype = 'f' and t.relname = any($1) and t.relnamespace = 'public'::regnamespace`);
  const triggers = await rowsOf<{ name: string }>(`
    select event_object_table as table, lower(event_manipulation) as name from information_schema.triggers
    where event_object_schema = 'public' and event_object_table = any($1) and action_orientation = 'ROW'`);
  for (const table of tableNames) {
    const { columns, checks: own, references, never } = definitions[table];
    const ofColumns = columns.filter(([, { hasCheck }]) => hasCheck);
    const names = [
      ...ofColumns.map(([name]) => checkNames[`${table}.${name}`] ?? `${table}_${name}_check`),
      ...own.map(([name]) => name),
    ];
    expect([table, ...names.sort()]).toEqual([table, ...namesOf(checks, table)]);
    const keys = references.map(({ columns: of, table: parent }) => `${parent} ${of.join(' ')}`);
    expect([table, ...keys.sort()]).toEqual([table, ...namesOf(foreign, table)]);
    expect([table, ...[...never].sort()]).toEqual([table, ...namesOf(triggers, table)]);
  }
});

/** Checks of one column that a migration has given a name of their own. */
const checkNames: Readonly<Record<string, string>> = {
  'messages_handled.history': 'a_history_of_attempts_is_short',
};

function namesOf(rows: ReadonlyMap<string, { name: string }[]>, table: string): string[] {
  return (rows.get(table) ?? []).map(({ name }) => name).sort();
}

function byName(left: { name: string }, right: { name: string }): number {
  return left.name < right.name ? -1 : 1;
}
