import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database, Queryable, Transaction } from './client.ts';
import { type CannotStart, cannotStart } from './embedded-fault.ts';
import { type AppliedMigration, compareSchema, type Migration, migrationOf, type SchemaState } from './schema-state.ts';

export type MigrationResult = { readonly applied: readonly string[]; readonly already: number };

/** Any number of processes may start at once: they take turns under this advisory lock ("1till", as a number). */
const migrationLock = 1_714_103;

/**
 * Brings the schema to this version, each migration in a transaction of its own. Forward only. Refuses a database that
 * a newer version has migrated in a way that breaks this one, and one that was migrated by other texts under the same
 * names, because then nobody knows what its schema is. Then it applies nothing.
 */
export async function migrate(
  database: Database,
  options: { directory: string; onProgress?: (name: string) => void },
): Promise<MigrationResult | CannotStart> {
  const ours = await readMigrations(options.directory);
  const refused = await database.transaction(async (tx) => {
    await lock(tx);
    await tx.query({ text: createTable });
    await addMissingColumns(tx);
    const fault = faultOf(compareSchema(await appliedMigrations(tx), ours));
    if (fault === null) await keepMissingTexts(tx, ours);
    return fault;
  });
  if (refused !== null) return refused;
  const applied: string[] = [];
  for (const migration of ours) {
    if (await applyOnce(database, migration, options.onProgress)) applied.push(migration.name);
  }
  // Another version may have migrated between our turns.
  const fault = await schemaFault(database, ours);
  return fault ?? { applied, already: ours.length - applied.length };
}

/** The migrations in the folder, in their order. */
export async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && /^\d{4}-/.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  return await Promise.all(
    names.map(async (name) => {
      return migrationOf(name, await readFile(join(directory, name, 'up.sql'), 'utf8'));
    }),
  );
}

/** The migrations that the database has. Fails with 42P01 (undefined table) where none was ever applied. */
export async function appliedMigrations(db: Queryable): Promise<AppliedMigration[]> {
  // By way of JSON, because the table of an older version has no such columns.
  return await db.query<AppliedMigration>({
    text: `
      select name, to_jsonb(m) ->> 'up_sha256' as sha256,
             coalesce((to_jsonb(m) ->> 'is_breaking')::boolean, true) as "isBreaking"
      from schema_migrations m
      order by name
      limit 10000`,
  });
}

/**
 * Why this version must not work on the database, or null. A schema that is behind is no fault of this kind: a process
 * waits for it, and says so when it is asked whether it is ready.
 */
export async function schemaFault(db: Queryable, ours: readonly Migration[]): Promise<CannotStart | null> {
  return faultOf(compareSchema(await appliedMigrations(db), ours));
}

function faultOf({ newer, changed }: SchemaState): CannotStart | null {
  const orAnew = 'If the data of npm start may go: npm start -- --reset.';
  if (newer.length > 0) {
    return cannotStart(
      `The database was migrated by a newer version of Onetill: this one does not know ${some(newer)}.`,
      `Start that version, or a newer one. ${orAnew}`,
    );
  }
  if (changed.length > 0) {
    const one = changed.length === 1;
    return cannotStart(
      `The database was migrated by ${one ? 'another text' : 'other texts'} of ${some(changed)} than ` +
        `${one ? 'the one' : 'those'} in the folder migrations: what its schema is, cannot be said.`,
      `Restore up.sql as it was when it was applied, or start the version of Onetill that made the data; ` +
        `a change of the schema is a new migration. ${orAnew}`,
    );
  }
  return null;
}

function some(names: readonly string[]): string {
  const shownMax = 5;
  const more = names.length - shownMax;
  return names.slice(0, shownMax).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const createTable = `create table if not exists schema_migrations (
  name text primary key check (char_length(name) <= 128),
  applied_at timestamptz not null default now(),
  up_sha256 text check (up_sha256 ~ '^[0-9a-f]{64}$'),
  is_breaking boolean not null default true
)`;

/**
 * Tables of versions that did not keep the texts lack the columns. They are looked for first: to add them needs the
 * table for itself, and a backup that runs may hold it for long.
 */
async function addMissingColumns(tx: Transaction): Promise<void> {
  const [found] = await tx.query({
    text: `
      select 1 from pg_attribute
      where attrelid = 'schema_migrations'::regclass and attname = 'is_breaking' and not attisdropped`,
  });
  if (found !== undefined) return;
  await tx.query({
    text: `
      alter table schema_migrations
        add column if not exists up_sha256 text check (up_sha256 ~ '^[0-9a-f]{64}$'),
        add column if not exists is_breaking boolean not null default true`,
  });
}

/** What was applied before the texts were kept is taken to be what is here: there is nothing to compare it with. */
async function keepMissingTexts(tx: Transaction, ours: readonly Migration[]): Promise<void> {
  await tx.execute({
    text: `
      update schema_migrations m set up_sha256 = o.sha256
      from unnest($1::text[], $2::text[]) as o(name, sha256)
      where m.name = o.name and m.up_sha256 is null`,
    values: [ours.map(({ name }) => name), ours.map(({ sha256 }) => sha256)],
  });
}

/** Whether it was applied now, and not before. */
async function applyOnce(
  database: Database,
  { name, sql, sha256, isBreaking }: Migration,
  onProgress?: (name: string) => void,
): Promise<boolean> {
  return await database.transaction(async (tx) => {
    await lock(tx);
    // The row comes first, so that a second migrator that slipped in fails on the key and not half-way through.
    const inserted = await tx.execute({
      text: `
        insert into schema_migrations (name, up_sha256, is_breaking) values ($1, $2, $3) on conflict do nothing`,
      values: [name, sha256, isBreaking],
    });
    if (inserted === 0) return false;
    onProgress?.(name);
    // To build an index on a large table takes longer than any query of ours may.
    await tx.execute({ text: 'set local statement_timeout = 0' });
    await tx.query({ text: sql, takesItsTime: true });
    return true;
  });
}

async function lock(tx: Transaction): Promise<void> {
  await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [migrationLock] });
}
