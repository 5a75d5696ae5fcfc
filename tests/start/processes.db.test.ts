import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { migrationsDirectory } from '../../src/main/migrations.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { type DurableServer, startDurableServer } from '../harness/durable-server.ts';
import { clearUp, freshFolder, launch, onetillProcess, start, waitFor } from './started.ts';

// Real processes: slow where other suites use the same cores.
vi.setConfig({ testTimeout: 90_000 });

let server: DurableServer;
beforeAll(async () => {
  server = await startDurableServer();
});
afterAll(() => server?.stop());
afterEach(clearUp);

const keys = {
  PAYMENT_PROVIDER_API_KEY: 'key',
  PAYMENT_PROVIDER_WEBHOOK_SECRETS: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};

async function migrated(): Promise<string> {
  const url = await server.createDatabase();
  const database = connect({ url, applicationName: 'tests', connectionsMax: 1 });
  await migrate(database, { directory: migrationsDirectory });
  await database.close();
  return url;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await new Promise<number>((resolve) => {
    probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
  });
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** One message of what happened and one of what to do, and nothing that only its makers understand. */
function expectClear(output: string): void {
  const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(said.length).toBeLessThanOrEqual(2);
  expect(output).not.toMatch(/\n\s+at /);
}

test('api, worker and sweeper run apart on one database, answer their probes, and stop in good order', async () => {
  const DATABASE_URL = await server.createDatabase();
  expect(await onetillProcess(['migrate'], { DATABASE_URL }).ended).toBe(0);
  const [port, workerPort, sweeperPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const environment = { DATABASE_URL, ...keys };
  const started = [
    onetillProcess(['api'], { ...environment, PORT: String(port) }),
    onetillProcess(['worker'], { ...environment, HEALTH_PORT: String(workerPort) }),
    onetillProcess(['sweeper'], { ...environment, HEALTH_PORT: String(sweeperPort) }),
  ];
  for (const each of started) await each.until('"msg":"ready"');
  for (const each of [port, workerPort, sweeperPort]) {
    const probe = await fetch(`http://127.0.0.1:${each}/readyz`);
    const { status, checks } = (await probe.json()) as { status: string; checks: { name: string; ok: boolean }[] };
    expect([probe.status, status]).toEqual([200, 'ready']);
    expect(checks.map(({ name, ok }) => [name, ok])).toEqual(
      ['database', 'schema', 'durability', 'loops'].map((name) => [name, true]),
    );
  }
  for (const each of started) each.child.kill('SIGTERM');
  expect(await Promise.all(started.map(({ ended }) => ended))).toEqual([0, 0, 0]);
});

test('a process of which a loop ends unasked stops what is left in order and fails, with one message', async () => {
  const broken = launch([process.execPath, '--import', 'tsx', 'tests/start/broken-worker.ts'], {
    DATABASE_URL: await server.createDatabase(),
    ...keys,
  });
  expect(await broken.ended).toBe(1);
  expect(broken.output()).toContain('The worker ended though nobody stopped it: planted.');
  expect(broken.output()).toContain('stopped in order');
  expect(broken.output()).not.toMatch(/\n\s+at /);
});

describe('a database that cannot be used', () => {
  test('a process says so at its start and does not call itself ready', async () => {
    const url = new URL(await server.createDatabase());
    const at = (change: Partial<Pick<URL, 'password' | 'pathname'>>) => Object.assign(new URL(url), change).toString();
    const cases: [string, string, string][] = [
      ['api', 'postgres://u:wrong-password@127.0.0.1:1/x', 'connection refused'],
      ['worker', at({ password: 'wrong-password' }), 'refuses the user or the password'],
      ['migrate', at({ pathname: '/nowhere' }), 'has no such database'],
    ];
    for (const [kind, DATABASE_URL, message] of cases) {
      const refused = onetillProcess([kind], { DATABASE_URL, ...keys });
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toContain(message);
      expect(refused.output()).not.toMatch(/"msg":"ready"|wrong-password/);
      expectClear(refused.output());
    }
  });

  test('a server that may forget what it has committed is refused by the processes and by npm start', async () => {
    // The server of the run: fsync is off there, for the speed of tests.
    const DATABASE_URL = inject('postgresUrl');
    const dataDir = await freshFolder();
    const said = [
      onetillProcess(['sweeper'], { DATABASE_URL, ...keys }),
      start(dataDir, { environment: { DATABASE_URL } }),
    ];
    for (const each of said) {
      expect(await each.ended).toBe(1);
      expect(each.output()).toContain('may forget what it has committed: fsync is off');
      expectClear(each.output());
    }
  });

  test('synchronous_commit that is off for the database alone is found too', async () => {
    const url = await server.createDatabase();
    const name = new URL(url).pathname.slice(1);
    await server.admin.execute({ text: `alter database ${name} set synchronous_commit = off` });
    const refused = onetillProcess(['worker'], { DATABASE_URL: url, ...keys });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('committed: synchronous_commit is off');
  });

  test('a server that turns unsafe while a process runs makes it unready', async () => {
    const url = await migrated();
    const HEALTH_PORT = String(await freePort());
    const sweeper = onetillProcess(['sweeper'], { DATABASE_URL: url, HEALTH_PORT });
    await sweeper.until('"msg":"ready"');
    const readiness = async () => (await fetch(`http://127.0.0.1:${HEALTH_PORT}/readyz`)).status;
    expect(await readiness()).toBe(200);
    const database = connect({ url, applicationName: 'tests', connectionsMax: 1 });
    const name = new URL(url).pathname.slice(1);
    await database.execute({ text: `alter database ${name} set synchronous_commit = off` });
    // It holds for sessions that begin from now on.
    await database.execute({
      text: `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()`,
    });
    await database.close();
    await waitFor(async () => (await readiness()) === 503, 'it stayed ready on a server that forgets');
    sweeper.child.kill('SIGTERM');
    expect(await sweeper.ended).toBe(0);
  });
});

test('a busy port of a process is told with the setting that names it', async () => {
  const DATABASE_URL = await migrated();
  const blocker = createServer();
  const port = await new Promise<number>((resolve) => {
    blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port));
  });
  const api = onetillProcess(['api'], { DATABASE_URL, ...keys, PORT: String(port) });
  const worker = onetillProcess(['worker'], { DATABASE_URL, ...keys, HEALTH_PORT: String(port) });
  expect([await api.ended, await worker.ended]).toEqual([1, 1]);
  await new Promise((resolve) => blocker.close(resolve));
  expect(api.output()).toContain(`Port ${port} is taken by another program, so onetill api cannot listen on it.`);
  expect(api.output()).toContain('choose another port with PORT.');
  expect(worker.output()).toContain('choose another port with HEALTH_PORT.');
  for (const each of [api, worker]) expect(each.output()).not.toContain('npm start');
});
