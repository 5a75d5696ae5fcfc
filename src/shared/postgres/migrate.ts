import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Bug } from '../assert.ts';
import type { Database, Transaction } from './client.ts';

export type MigrationResult = { readonly applied: readonly string[]; readonly already: number };

/** Any number of processes may start at once: they take turns under this advisory lock ("1till", as a number). */
const migrationLock = 1_714_103;

/**
 * Brings the schema to this version, each migration in a transaction of its own. Forward only. Refuses a database
 * that a newer version has migrated, because this code does not know what the newer schema means.
 */
export async function migrate(
  database: Database,
  options: { directory: string; onProgress?: (name: string) => void },
): Promise<MigrationResult> {
  const names = (await readdir(options.directory, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && /^\d{4}-/.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  await database.transaction(async (tx) => {
    await lock(tx);
    await tx.query({ text: createTable });
  });
  const applied: string[] = [];
  for (const name of names) {
    const sql = await readFile(join(options.directory, name, 'up.sql'), 'utf8');
    const isNew = await database.transaction(async (tx) => {
      await lock(tx);
      // The row comes first, so that a second migrator that slipped in fails on the key and not half-way through.
      const inserted = await tx.execute({
        text: 'insert into schema_migrations (name) values ($1) on conflict do nothing',
        values: [name],
      });
      if (inserted === 0) return false;
      options.onProgress?.(name);
      await tx.query({ text: sql });
      return true;
    });
    if (isNew) applied.push(name);
  }
  await refuseNewer(database, names);
  return { applied, already: names.length - applied.length };
}

const createTable = `create table if not exists schema_migrations (
  name text primary key check (char_length(name) <= 128),
  applied_at timestamptz not null default now()
)`;

async function lock(tx: Transaction): Promise<void> {
  await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [migrationLock] });
}

async function refuseNewer(database: Database, names: readonly string[]): Promise<void> {
  const unknown = await database.query<{ name: string }>({
    text: 'select name from schema_migrations where not (name = any($1)) order by name limit 5',
    values: [names],
  });
  if (unknown.length === 0) return;
  const list = unknown.map((row) => row.name).join(', ');
  throw new Bug(
    `the database was migrated by a newer version of Onetill (${list}); start that version, or a newer one`,
  );
}
