import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { connect, type Database, sqlState } from '../../src/shared/postgres/client.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';

export type TestDatabase = {
  readonly url: string;
  readonly database: Database;
  /** Closes the connections and removes the database. */
  drop(): Promise<void>;
};

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Serialises the making of the template among the workers of a run ("till", as a number). */
const templateLock = 74_111;

/** A throwaway database with the whole schema and nothing in it: a copy of a template that is made once per run. */
export async function createTestDatabase(
  options: {
    connectionsMax?: number;
    /** A server to make it on, outside of a test run; in one it is that of the run. */
    adminUrl?: string;
  } = {},
): Promise<TestDatabase> {
  const adminUrl = options.adminUrl ?? inject('postgresUrl');
  const admin = connect({ url: adminUrl, applicationName: 'tests', connectionsMax: 1 });
  const name = `onetill_test_${newUuid().replaceAll('-', '')}`;
  try {
    const template = await ensureTemplate(admin, adminUrl);
    await admin.execute({ text: `create database ${name} template ${template}` });
  } finally {
    await admin.close();
  }
  const url = databaseUrl(adminUrl, name);
  const database = connect({ url, applicationName: 'tests', connectionsMax: options.connectionsMax ?? 10 });
  return {
    url,
    database,
    drop: async () => {
      await database.close();
      const dropper = connect({ url: adminUrl, applicationName: 'tests', connectionsMax: 1 });
      await dropper.execute({ text: `drop database if exists ${name} with (force)` });
      await dropper.close();
    },
  };
}

/** The name holds a hash of the migrations: another schema is another template. */
async function ensureTemplate(admin: Database, adminUrl: string): Promise<string> {
  const template = `onetill_template_${await migrationsHash()}`;
  if (await exists(admin, template)) return template;
  // One connection, so the lock and its release are of one session.
  await admin.query({ text: 'select pg_advisory_lock($1)', values: [templateLock] });
  try {
    if (await exists(admin, template)) return template;
    const making = `${template}_making`;
    await admin.execute({ text: `drop database if exists ${making} with (force)` });
    await admin.execute({ text: `create database ${making}` });
    const database = connect({ url: databaseUrl(adminUrl, making), applicationName: 'tests', connectionsMax: 1 });
    try {
      const migrated = await migrate(database, { directory: migrationsDirectory });
      if (isCannotStart(migrated)) throw new Error(migrated.message);
    } finally {
      await database.close();
    }
    await renameWhenFree(admin, making, template);
    return template;
  } finally {
    await admin.query({ text: 'select pg_advisory_unlock($1)', values: [templateLock] });
  }
}

/** A session that was just closed can still be leaving the server, and a database in use is not renamed. */
async function renameWhenFree(admin: Database, from: string, to: string): Promise<void> {
  const triesMax = 50;
  for (let tryNumber = 1; ; tryNumber += 1) {
    try {
      await admin.execute({ text: `alter database ${from} rename to ${to}` });
      return;
    } catch (error) {
      const objectInUse = '55006';
      if (sqlState(error) !== objectInUse || tryNumber === triesMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function exists(admin: Database, name: string): Promise<boolean> {
  const rows = await admin.query({ text: 'select 1 from pg_database where datname = $1', values: [name] });
  return rows.length > 0;
}

async function migrationsHash(): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(migrationsDirectory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.sql'));
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash.update(path).update(await readFile(path));
  }
  return hash.digest('hex').slice(0, 16);
}

function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.toString();
}
