import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type Database, isConnectionError } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { type FaultProxy, startFaultProxy } from '../network/proxy.ts';

let scratch: TestDatabase;
let proxy: FaultProxy;
let database: Database;
const statementTimeoutMs = 300;
/** The statement timeout, the grace, and a machine that is busy. */
const boundMs = 4_000;

beforeEach(async () => {
  scratch = await createTestDatabase();
  const url = new URL(scratch.url);
  const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
  proxy = await startFaultProxy({ target: () => target, random: () => 0.5 });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  database = connect({ url: url.toString(), applicationName: 'silence', connectionsMax: 2, statementTimeoutMs });
  await database.query({ text: 'select 1' });
});
afterEach(async () => {
  await proxy.stop();
  await database.close();
  await scratch.drop();
});

/** Whoever waits for a silent database waits this long, and hears that the connection is lost. */
async function waitsFor(work: Promise<unknown>): Promise<number> {
  const begunAt = performance.now();
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(isConnectionError(error), String(error)).toBe(true);
  return performance.now() - begunAt;
}

test('a database that falls silent keeps nobody longer than a statement may take, and is back when it is', async () => {
  await proxy.set({ kind: 'black hole' });
  expect(await waitsFor(database.query({ text: 'select 1' }))).toBeLessThan(boundMs);
  await proxy.heal();
  expect(await database.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }]);
});

test('a transaction whose database falls silent is given up once, and its connection with it', async () => {
  // New connections pass: what comes next is served if the silent one is not handed out again.
  const work = database.transaction(async (tx) => {
    await tx.query({ text: 'select 1' });
    await proxy.set({ kind: 'slow close' });
    await tx.query({ text: 'select 2' });
  });
  expect(await waitsFor(work)).toBeLessThan(boundMs);
  expect(await database.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }]);
});

test('a statement that may take its time is waited for', async () => {
  await database.transaction(async (tx) => {
    await tx.execute({ text: 'set local statement_timeout = 0' });
    await tx.query({ text: 'select pg_sleep(1.2)', takesItsTime: true });
  });
});
