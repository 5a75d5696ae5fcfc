import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, expect, inject, test, vi } from 'vitest';
import { readRuntime } from '../../src/main/runtime.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { isAlive } from '../../src/shared/postgres/embedded-cluster.ts';
import { startDurableServer } from '../harness/durable-server.ts';
import {
  clearUp,
  databaseOn,
  freshFolder,
  postmasterPid,
  removeSeed,
  seededFolder,
  start,
  startReady,
  waitFor,
} from './started.ts';

// Real processes on real disks: bounded by waitFor, and slow where other suites use the same cores.
vi.setConfig({ testTimeout: 90_000 });
afterEach(clearUp);
afterAll(removeSeed);

async function remember(database: Database, word: string): Promise<void> {
  await database.execute({ text: 'create table if not exists remembered (word text)' });
  await database.execute({ text: 'insert into remembered (word) values ($1)', values: [word] });
}

async function remembered(database: Database): Promise<string[]> {
  const rows = await database.query<{ word: string }>({ text: 'select word from remembered order by word limit 9' });
  return rows.map(({ word }) => word);
}

test('a second start finds the data of the first, on the same database port', async () => {
  const dataDir = await freshFolder();
  const first = await startReady(dataDir);
  const firstUrl = (await readRuntime(dataDir))?.databaseUrl;
  const before = await databaseOn(dataDir);
  await remember(before, 'kept');
  await before.close();
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);

  await startReady(dataDir);
  expect((await readRuntime(dataDir))?.databaseUrl).toBe(firstUrl);
  const after = await databaseOn(dataDir);
  expect(await remembered(after)).toEqual(['kept']);
  await after.close();
});

test('SIGTERM and Ctrl-C stop everything and leave no process and no runtime file behind', async () => {
  const dataDir = await seededFolder();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const started = await startReady(dataDir);
    const pid = await postmasterPid(dataDir);
    expect(isAlive(pid)).toBe(true);
    started.child.kill(signal);
    expect(await started.ended).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(await readdir(dataDir)).not.toContain('runtime.json');
  }
});

test('a start after kill -9 of the former one takes over its PostgreSQL', async () => {
  const dataDir = await seededFolder();
  const first = await startReady(dataDir);
  const pid = await postmasterPid(dataDir);
  first.child.kill('SIGKILL');
  await first.ended;
  expect(await readRuntime(dataDir)).toBeNull();

  const second = await startReady(dataDir);
  expect(second.output()).toContain('took it over');
  expect(await postmasterPid(dataDir)).toBe(pid);
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
  expect(isAlive(pid)).toBe(false);
});

test('a start after kill -9 of everything recovers what was committed', async () => {
  const dataDir = await seededFolder();
  const first = await startReady(dataDir);
  const database = await databaseOn(dataDir);
  await remember(database, 'committed');
  process.kill(await postmasterPid(dataDir), 'SIGKILL');
  first.child.kill('SIGKILL');
  await first.ended;
  await database.close();

  await startReady(dataDir);
  const after = await databaseOn(dataDir);
  expect(await remembered(after)).toEqual(['committed']);
  await after.close();
});

test('a PostgreSQL that is killed under a running system comes back at its place', async () => {
  const dataDir = await seededFolder();
  await startReady(dataDir);
  const database = await databaseOn(dataDir);
  await remember(database, 'before the kill');
  const pid = await postmasterPid(dataDir);
  process.kill(pid, 'SIGKILL');
  // A backend outlives its postmaster for a moment: only another postmaster is proof.
  const isBack = () =>
    remembered(database).then(
      async () => ![0, pid].includes(await postmasterPid(dataDir)),
      () => false,
    );
  await waitFor(isBack, 'the database did not come back');
  await remember(database, 'after it');
  expect(await postmasterPid(dataDir)).not.toBe(pid);
  expect(await remembered(database)).toEqual(['after it', 'before the kill']);
  await database.close();
});

test('a first start that is killed half-way leaves waste that the next start sweeps', async () => {
  const dataDir = await freshFolder();
  const first = start(dataDir);
  const halfMade = () =>
    readdir(dataDir).then(
      (names) => names.some((name) => name.startsWith('postgres.new-')),
      () => false,
    );
  await waitFor(halfMade, 'the first start made nothing');
  first.child.kill('SIGKILL');
  await first.ended;
  expect(await halfMade()).toBe(true);

  await startReady(dataDir);
  expect(await halfMade()).toBe(false);
});

test('a signal during the first start ends it cleanly', async () => {
  const dataDir = await freshFolder();
  const started = start(dataDir);
  await started.until('Making the database');
  started.child.kill('SIGINT');
  expect(await started.ended).toBe(0);
  expect(await postmasterPid(dataDir)).toBe(0);
});

test('a second copy on the same data is told who has it, and disturbs nothing', async () => {
  const dataDir = await seededFolder();
  const first = await startReady(dataDir);
  const pid = await postmasterPid(dataDir);
  const seconds = [[], ['--reset']].map((args) =>
    start(dataDir, { args: [...args, '--port', '0', '--provider-port', '0'] }),
  );
  for (const second of seconds) {
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`already (pid ${first.pid})`);
    expect(second.output()).toContain('--data DIR');
    expect(second.output()).not.toMatch(/\n\s+at /);
  }
  expect(isAlive(first.pid)).toBe(true);
  expect(await postmasterPid(dataDir)).toBe(pid);
  const database = await databaseOn(dataDir);
  await remember(database, 'undisturbed');
  await database.close();
});

test('a start that npm ran gives way when that npm is killed', async () => {
  const dataDir = await seededFolder();
  const orphan = start(dataDir, { command: ['npm', 'start', '--silent', '--'] });
  await orphan.until('Ctrl-C stops everything');
  const pid = await postmasterPid(dataDir);
  orphan.child.kill('SIGKILL');
  const next = await startReady(dataDir);
  expect((await readRuntime(dataDir))?.pid).toBe(next.pid);
  expect(isAlive(pid)).toBe(false);
});

test('--reset begins anew, in a folder of ours and in no other', async () => {
  const dataDir = await seededFolder();
  const first = await startReady(dataDir);
  const database = await databaseOn(dataDir);
  await remember(database, 'forgotten');
  await database.close();
  first.child.kill('SIGTERM');
  await first.ended;

  const anew = start(dataDir, { args: ['--reset', '--port', '0', '--provider-port', '0'] });
  await anew.until('Ctrl-C stops everything');
  const after = await databaseOn(dataDir);
  await expect(remembered(after)).rejects.toThrow('does not exist');
  await after.close();

  const foreign = await freshFolder();
  await writeFile(`${foreign}.txt`, 'precious');
  const refused = start(join(foreign, '..'), { args: ['--reset'] });
  expect(await refused.ended).toBe(1);
  expect(refused.output()).toContain("files that are not Onetill's");
  expect(await readdir(join(foreign, '..'))).toEqual(['data.txt']);
});

test('a busy port is named, with what to do, and nothing stays behind', async () => {
  const blocker = createServer();
  const port = await new Promise<number>((resolve) => {
    blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port));
  });
  const dataDir = await freshFolder();
  const started = start(dataDir, { args: ['--port', String(port), '--provider-port', '0'] });
  const code = await started.ended;
  blocker.close();
  expect(code).toBe(1);
  expect(started.output()).toContain(`Port ${port} is taken by another program`);
  expect(started.output()).toContain('--port');
  expect(await postmasterPid(dataDir)).toBe(0);
});

test('each thing that can be wrong with DATABASE_URL has a message of its own, without the password', async () => {
  const server = new URL(inject('postgresUrl'));
  const admin = connect({ url: server.toString(), applicationName: 'tests', connectionsMax: 1 });
  await admin.execute({ text: 'drop role if exists without_rights' });
  await admin.execute({ text: "create role without_rights login password 'pass-of-the-role'" });
  const at = (change: Partial<Pick<URL, 'password' | 'pathname' | 'port' | 'username'>>) =>
    Object.assign(new URL(server), change).toString();
  const cases: [string, string, string][] = [
    ['no URL at all', 'localhost', 'is not the address of a PostgreSQL server'],
    ['another protocol', 'http://localhost:5432/x', 'is not the address of a PostgreSQL server'],
    ['nobody there', at({ port: '1' }), 'connection refused'],
    ['wrong password', at({ password: 'wrong-password' }), 'refuses the user or the password'],
    ['no such database', at({ pathname: '/nowhere' }), 'has no such database'],
    ['no rights', at({ username: 'without_rights', password: 'pass-of-the-role' }), 'may not create tables'],
  ];
  const dataDir = await freshFolder();
  const outcomes = await Promise.all(
    cases.map(async ([name, DATABASE_URL, message]) => {
      const started = start(`${dataDir}-${name.replaceAll(' ', '-')}`, { environment: { DATABASE_URL } });
      return { code: await started.ended, output: started.output(), message };
    }),
  );
  await admin.execute({ text: 'drop role without_rights' });
  await admin.close();
  for (const { code, output, message } of outcomes) {
    expect(output).toContain(message);
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(2);
    expect(output).not.toMatch(/wrong-password|pass-of-the-role/);
  }
});

test('DATABASE_URL is used instead of an embedded server, and asked for again by other commands', async () => {
  const dataDir = await freshFolder();
  const server = await startDurableServer();
  try {
    const url = await server.createDatabase();
    const started = start(dataDir, { environment: { DATABASE_URL: url } });
    await started.until('Ctrl-C stops everything');
    expect(await readdir(dataDir)).not.toContain('postgres');
    expect(started.output()).toContain('  DATABASE_URL=… npx onetill orders list  ');
    expect(started.output()).toContain(`  npx onetill replay --orders 200 --rate 20 --data ${dataDir}  `);
    expect(started.output()).not.toContain(new URL(url).password);
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(0);
  } finally {
    await server.stop();
  }
});
