import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createReadiness } from '../../src/operations/readiness.run.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { type DurableServer, startDurableServer } from '../harness/durable-server.ts';
import { clearUp, freshFolder, start } from '../start/started.ts';

// Some of them run the commands as processes.
vi.setConfig({ testTimeout: 60_000 });

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const realMigrations = join(projectRoot, 'migrations');
/** Processes refuse the server of the run, which forgets on a crash. */
let server: DurableServer;
beforeAll(async () => {
  server = await startDurableServer();
});
afterAll(() => server?.stop());
const databases: Database[] = [];
const folders: string[] = [];
afterEach(async () => {
  await clearUp();
  for (const each of databases.splice(0)) await each.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A database without a schema, or with the whole one. */
async function begin(schema: 'empty' | 'whole' = 'empty'): Promise<{ database: Database; url: string }> {
  const url = await server.createDatabase();
  const database = connect({ url, applicationName: 'tests', connectionsMax: 6 });
  databases.push(database);
  if (schema === 'whole') await migrate(database, { directory: realMigrations });
  return { database, url };
}

/** A folder of migrations with these texts. */
async function folderOf(texts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onetill-migrations-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(texts)) await addTo(folder, name, text);
  return folder;
}

async function addTo(folder: string, name: string, text: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'up.sql'), text);
}

const mugs = 'create table mugs (\n  mug integer\n);\n';
const cups = 'create table cups (cup integer);\n';

async function kept(database: Database): Promise<{ name: string; isKept: boolean }[]> {
  return await database.query({
    text: `select name, up_sha256 is not null as "isKept" from schema_migrations order by name limit 10`,
  });
}

test('a schema is brought up to date once, and each text that was applied is kept by its SHA-256', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs });
  expect(await migrate(database, { directory })).toEqual({ applied: ['0001-mugs'], already: 0 });
  await addTo(directory, '0002-cups', cups);
  expect(await migrate(database, { directory })).toEqual({ applied: ['0002-cups'], already: 1 });
  expect(await migrate(database, { directory })).toEqual({ applied: [], already: 2 });
  expect(await kept(database)).toEqual([
    { name: '0001-mugs', isKept: true },
    { name: '0002-cups', isKept: true },
  ]);
});

test('a migration whose text changed after it was applied is refused by name, and nothing more applied', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs });
  await migrate(database, { directory });
  await addTo(directory, '0001-mugs', mugs.replace('integer', 'bigint'));
  await addTo(directory, '0002-cups', cups);
  const refused = await migrate(database, { directory });
  expect(refused).toMatchObject({
    cannotStart: true,
    message: expect.stringContaining('another text of 0001-mugs than the one in the folder migrations'),
    next: expect.stringMatching(/Restore up\.sql as it was .* the version of Onetill that made the data.*--reset/),
  });
  expect(await kept(database)).toHaveLength(1);
  await addTo(directory, '0001-mugs', mugs);
  expect(await migrate(database, { directory })).toEqual({ applied: ['0002-cups'], already: 1 });
});

test('other line endings are the same text', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs });
  await migrate(database, { directory });
  await addTo(directory, '0001-mugs', mugs.replaceAll('\n', '\r\n'));
  expect(await migrate(database, { directory })).toEqual({ applied: [], already: 1 });
});

test('a database of a version that kept no texts gets them at the first run, and is watched from then on', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs });
  await migrate(database, { directory });
  await database.execute({
    text: 'alter table schema_migrations drop column up_sha256, drop column is_breaking',
  });
  expect(await createReadiness({ database, migrationsDirectory: directory })()).toMatchObject({ ready: true });
  expect(await migrate(database, { directory })).toEqual({ applied: [], already: 1 });
  expect(await kept(database)).toEqual([{ name: '0001-mugs', isKept: true }]);
  await addTo(directory, '0001-mugs', cups);
  expect(isCannotStart(await migrate(database, { directory }))).toBe(true);
  const readiness = await createReadiness({ database, migrationsDirectory: directory })();
  expect(readiness.checks[1]?.found).toBe('1 migration changed since they were applied');
});

test('a backup that reads the table of migrations does not keep a migrated system from starting', async () => {
  const { database, url } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs });
  await migrate(database, { directory });
  const backup = connect({ url, applicationName: 'backup', connectionsMax: 1 });
  try {
    await backup.execute({ text: 'begin' });
    await backup.query({ text: 'select name from schema_migrations' });
    expect(await migrate(database, { directory })).toEqual({ applied: [], already: 1 });
  } finally {
    await backup.close();
  }
});

test('code of the version before runs on a newer schema, unless a migration says that it breaks it', async () => {
  const { database } = await begin();
  const older = await folderOf({ '0001-mugs': mugs });
  await migrate(database, { directory: await folderOf({ '0001-mugs': mugs, '0002-cups': cups }) });
  expect(await migrate(database, { directory: older })).toEqual({ applied: [], already: 1 });
  const readiness = await createReadiness({ database, migrationsDirectory: older })();
  expect(readiness.checks[1]).toMatchObject({ ok: true, found: 'up to date, and 1 migration ahead' });
  const breaking = '-- breaking: older code writes no colours\nselect 1';
  await migrate(database, {
    directory: await folderOf({ '0001-mugs': mugs, '0002-cups': cups, '0003-red': breaking }),
  });
  expect(await migrate(database, { directory: older })).toMatchObject({
    message: expect.stringContaining('does not know 0003-red'),
  });
});

test('a schema of a newer version is refused before anything is applied', async () => {
  const { database } = await begin();
  await migrate(database, { directory: await folderOf({ '0001-mugs': mugs, '0003-spoons': 'select 1' }) });
  const older = await folderOf({ '0001-mugs': mugs, '0002-cups': cups });
  expect(await migrate(database, { directory: older })).toMatchObject({
    cannotStart: true,
    message: 'The database was migrated by a newer version of Onetill: this one does not know 0003-spoons.',
    next: expect.stringMatching(/^Start that version, or a newer one\./),
  });
  expect((await kept(database)).map(({ name }) => name)).toEqual(['0001-mugs', '0003-spoons']);
});

test('a migration that fails leaves nothing of itself, and the next run does it again', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': `${mugs} select nothing from nowhere;` });
  await expect(migrate(database, { directory })).rejects.toThrow(/nowhere/);
  expect(await kept(database)).toEqual([]);
  await addTo(directory, '0001-mugs', mugs);
  expect(await migrate(database, { directory })).toEqual({ applied: ['0001-mugs'], already: 0 });
});

test('processes that migrate at once apply each migration once', async () => {
  const { database } = await begin();
  const directory = await folderOf({ '0001-mugs': mugs, '0002-cups': cups });
  const results = await Promise.all(Array.from({ length: 4 }, () => migrate(database, { directory })));
  expect(results.flatMap((each) => ('applied' in each ? each.applied : ['refused'])).sort()).toEqual([
    '0001-mugs',
    '0002-cups',
  ]);
});

test('cursors that were there before eras keep their place, and know the highest position that was read', async () => {
  const { database } = await begin();
  const directory = await folderOf({});
  await cp(join(realMigrations, '0001-first-order'), join(directory, '0001-first-order'), { recursive: true });
  await migrate(database, { directory });
  for (let n = 0; n < 4; n += 1) {
    await database.execute({
      text: `
        insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
        values (gen_random_uuid(), 'demo', gen_random_uuid(), 1, 'OrderPending', 1, '{}')`,
    });
  }
  await database.execute({
    text: `
      insert into event_cursors (subscriber, transaction_id, position)
      select 'before', transaction_id, position from domain_events where position = 3`,
  });
  await migrate(database, { directory: realMigrations });
  expect(
    await database.query({ text: 'select era, position, highest_position as highest from event_cursors' }),
  ).toEqual([{ era: 1, position: 3n, highest: 3n }]);
});

const newerThanThis =
  'The database was migrated by a newer version of Onetill: this one does not know 9999-from-the-future.';
const whatToDo = 'Start that version, or a newer one. If the data of npm start may go: npm start -- --reset.';

test('each process says that it cannot work on such a schema and what to do, without a stack', async () => {
  const { database, url } = await begin('whole');
  const environment = {
    ...process.env,
    DATABASE_URL: url,
    PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
    PAYMENT_PROVIDER_API_KEY: 'key-for-trying-out',
    PAYMENT_PROVIDER_WEBHOOK_SECRETS: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
    PUBLIC_URL: 'http://127.0.0.1:1',
    PORT: '0',
    HEALTH_PORT: '0',
  };
  await database.execute({ text: `insert into schema_migrations (name) values ('9999-from-the-future')` });
  const kinds = ['migrate', 'api', 'worker', 'sweeper'];
  const all = await Promise.all(kinds.map((kind) => runIt(kind, environment)));
  for (const [n, said] of all.entries()) {
    expect(said.code, kinds[n]).toBe(1);
    expect(said.err, kinds[n]).toBe(`\n${newerThanThis}\n${whatToDo}\n`);
    expect(said.out, kinds[n]).not.toMatch(/stack|Bug|\bat .*:\d+/);
  }
  await database.execute({ text: `delete from schema_migrations where name = '9999-from-the-future'` });
  await database.execute({
    text: `update schema_migrations set up_sha256 = repeat('0', 64) where name = '0001-first-order'`,
  });
  const changed = await runIt('worker', environment);
  expect(changed.code).toBe(1);
  expect(changed.err).toContain('another text of 0001-first-order');
});

test('the start command says the same of the data that it finds', async () => {
  const { database, url } = await begin('whole');
  await database.execute({ text: `insert into schema_migrations (name) values ('9999-from-the-future')` });
  const started = start(await freshFolder(), { environment: { DATABASE_URL: url } });
  expect(await started.ended).toBe(1);
  expect(started.output()).toContain(`\n${newerThanThis}\nStart that version, or a newer one.`);
  expect(started.output()).toContain('--reset');
  expect(started.output()).not.toMatch(/unexpected|Bug|stack/);
});

/** Runs a command to its end, or to that of the time that it may take. */
async function runIt(kind: string, env: NodeJS.ProcessEnv): Promise<{ code: number; out: string; err: string }> {
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['bin/onetill.mjs', kind],
      { cwd: projectRoot, env, timeout: 30_000 },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(child.exitCode ?? -1), out, err }),
    );
  });
}

test('the SHA-256 that is kept is that of the text with plain line endings', async () => {
  const { database } = await begin('whole');
  const text = await readFile(join(realMigrations, '0001-first-order', 'up.sql'), 'utf8');
  const [row] = await database.query<{ sha: string }>({
    text: `select up_sha256 as sha from schema_migrations where name = '0001-first-order'`,
  });
  expect(row?.sha).toBe(createHash('sha256').update(text).digest('hex'));
});
