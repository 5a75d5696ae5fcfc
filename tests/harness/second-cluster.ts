import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { testFolderPrefix } from './test-folder.ts';

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

export type SecondCluster = { readonly database: Database; stop(): Promise<void> };

/** A PostgreSQL of its own with a fresh count of transactions, and the whole schema in it. */
export async function startSecondCluster(): Promise<SecondCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-`));
  const remove = () => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silentLogger });
  if (isCannotStart(server)) {
    await remove();
    throw new Error(`${server.message} ${server.next}`);
  }
  const database = connect({ url: server.url, applicationName: 'tests', connectionsMax: 4 });
  const migrated = await migrate(database, { directory: migrationsDirectory });
  if (isCannotStart(migrated)) throw new Error(migrated.message);
  return {
    database,
    async stop() {
      await database.close();
      await server.stop({ immediately: true });
      await remove();
    },
  };
}

/**
 * What pg_dump and pg_restore do to the rows: each table is emptied and filled by one transaction of the target, no
 * trigger fires, and the counters of identity columns go on where they were.
 */
export async function restoreInto(target: Database, source: Database): Promise<void> {
  const tables = await source.query<{ name: string }>({
    text: `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  });
  await withoutTriggers(target, `truncate ${tables.map(({ name }) => name).join(', ')}`);
  for (const { name } of tables) {
    const rows = await source.query<{ row: string }>({ text: `select t::text as row from ${name} t` });
    await withoutTriggers(
      target,
      `insert into ${name} overriding system value select (r.row::${name}).* from unnest($1::text[]) as r(row)`,
      [rows.map(({ row }) => row)],
    );
  }
  await target.query({
    text: `
      select setval(pg_get_serial_sequence('domain_events', 'position'), greatest(1, (select max(position)
             from domain_events)))`,
  });
}

/** As the superuser that the tests are: the triggers that refuse changes and the checks of foreign keys stay quiet. */
export async function withoutTriggers(database: Database, text: string, values: unknown[] = []): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.execute({ text: 'set local session_replication_role = replica' });
    await tx.execute({ text, values });
  });
}
