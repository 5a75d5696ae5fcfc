import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../src/shared/postgres/client.ts';
import type { Evidence } from './plants.ts';

const rowsMax = 100_000;

/** Every column of every table and view as text, whatever is added to the schema later. */
export async function columnsOf(database: Database): Promise<Evidence[]> {
  const columns = await database.query<{ table: string; column: string }>({
    text: `
      select quote_ident(table_schema) || '.' || quote_ident(table_name) as table, quote_ident(column_name) as column
      from information_schema.columns
      where table_schema not in ('pg_catalog', 'information_schema')
      order by 1, 2
      limit 10000`,
  });
  return await Promise.all(
    columns.map(async ({ table, column }) => {
      const rows = await database.query<{ text: string | null }>({
        text: `select ${column}::text as text from ${table} where ${column} is not null limit ${rowsMax}`,
      });
      return { where: `column ${table.replace(/^public\./, '')}.${column}`, text: linesOf(rows) };
    }),
  );
}

/** A logical dump: the rows as they would be copied out, and all text of the schema itself. */
export async function dumpOf(database: Database): Promise<Evidence[]> {
  const tables = await database.query<{ name: string }>({
    text: `
      select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')
      order by 1
      limit 1000`,
  });
  const rows = tables.map(async ({ name }) => ({
    where: `dump of ${name.replace(/^public\./, '')}`,
    text: linesOf(await database.query({ text: `select t::text as text from ${name} t limit ${rowsMax}` })),
  }));
  return await Promise.all([...rows, ...schemaTexts.map((text) => schemaOf(database, text))]);
}

const schemaTexts: readonly string[] = [
  `select pg_get_functiondef(oid) as text from pg_proc where pronamespace = 'public'::regnamespace limit 1000`,
  'select pg_get_constraintdef(oid) as text from pg_constraint limit 10000',
  'select pg_get_expr(adbin, adrelid) as text from pg_attrdef limit 10000',
  'select definition as text from pg_views limit 1000',
  'select description as text from pg_description limit 100000',
  `select encode(data, 'escape') as text from pg_largeobject limit 1000`,
];

async function schemaOf(database: Database, text: string): Promise<Evidence> {
  return { where: 'dump of the schema', text: linesOf(await database.query({ text })) };
}

/** What an administrator of the database sees while it runs: statements with their text, and statistics of columns. */
export async function viewsOf(database: Database): Promise<Evidence[]> {
  const [activity, prepared] = await Promise.all([
    database.query<{ text: string }>({
      text: 'select query as text from pg_stat_activity where datname = current_database() limit 1000',
    }),
    database.query<{ text: string }>({ text: 'select statement as text from pg_prepared_statements limit 1000' }),
  ]);
  return [
    { where: 'running statements', text: linesOf(activity) },
    { where: 'prepared statements', text: linesOf(prepared) },
  ];
}

/**
 * The files of this database on disk, with what was deleted and not yet overwritten, and the write-ahead log. Null
 * where this process may not read them: a server of somebody else's.
 */
export async function filesOf(database: Database): Promise<Iterable<Evidence> | null> {
  await database.execute({ text: 'checkpoint' });
  const [at] = await database.query<{ folder: string; oid: string }>({
    text: `
      select current_setting('data_directory') as folder, oid::text as oid from pg_database
      where datname = current_database()`,
  });
  if (at === undefined) return null;
  const [data, log] = [join(at.folder, 'base', at.oid), join(at.folder, 'pg_wal')];
  try {
    accessSync(data, constants.R_OK);
    accessSync(log, constants.R_OK);
  } catch {
    return null;
  }
  return bytesIn({ 'data files': data, 'the write-ahead log': log });
}

/** One file at a time: together they may be larger than memory is meant for. */
function* bytesIn(folders: Readonly<Record<string, string>>): Iterable<Evidence> {
  for (const [where, folder] of Object.entries(folders)) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isFile()) yield { where, text: readFileSync(join(folder, entry.name)).toString('latin1') };
    }
  }
}

function linesOf(rows: readonly { readonly text: string | null }[]): string {
  return rows.map(({ text }) => text ?? '').join('\n');
}
