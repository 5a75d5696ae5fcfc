import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/shared/postgres/client.ts';
import { eventually } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { reportOptions } from './process-state.ts';
import { awaitRest } from './rest.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  delete process.env.ONETILL_STUCK_DIR;
});

async function begin(): Promise<{ world: TestWorld; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'onetill-stuck-test-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  process.env.ONETILL_STUCK_DIR = join(folder, 'dumps');
  const world = await openWorld({ PLENTY: 100 });
  stops.push(() => world.stop());
  return { world, folder };
}

/** A process that waits for ever for a connection to come, and tells so when it is asked. */
async function waitForEver(folder: string): Promise<ChildProcess> {
  const program = `
    const server = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('ready'));
    new Promise(() => server);`;
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, NODE_OPTIONS: reportOptions(folder) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  stops.push(async () => {
    child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}

test('a run that does not come to rest is dumped with its orders, messages, locks and waiting processes', async () => {
  const { world, folder } = await begin();
  const orderId = await world.place('tok_ok');
  const child = await waitForEver(folder);
  const holder = connect({ url: world.url, applicationName: 'who holds the lock', connectionsMax: 1 });
  stops.push(() => holder.close());
  await holder.execute({ text: 'begin' });
  await holder.query({ text: 'select 1 from orders for update' });
  const waiter = world.database.query({ text: 'select 1 from orders for update' }).catch(() => []);
  stops.unshift(() => waiter);

  const lines: string[] = [];
  const [violation, ...more] = await awaitRest({
    database: world.database,
    withinMs: 600,
    processes: [{ name: 'the waiting one', pid: child.pid ?? 0 }],
    onProgress: (line) => lines.push(line),
  });
  await holder.execute({ text: 'rollback' });

  expect(more).toEqual([]);
  expect(violation).toMatchObject({ promise: 5, subject: 'the run' });
  expect(violation?.says).toMatch(/1 orders open, 1 messages to do, 1 events not in the timeline; dumped into/);
  expect(lines[0]).toContain('1 orders open');
  const dump = violation?.says.split('dumped into ')[1] ?? '';
  const read = async (name: string) => JSON.parse(await readFile(join(dump, `${name}.json`), 'utf8'));
  const { orders, payments, saga_steps, messages } = (await read('orders'))[orderId];
  expect(orders[0]).toMatchObject({ status: 'pending' });
  expect(payments[0]).toMatchObject({ status: 'intended' });
  expect(payments[0]).not.toHaveProperty('token');
  expect([saga_steps.length, messages.length]).toEqual([1, 1]);
  expect(await read('messages')).toMatchObject([{ type: 'screen-for-fraud', history: [] }]);
  const sessions = (await read('locks')) as { application_name: string; waits_for_pids: number[]; pid: number }[];
  const held = sessions.find(({ application_name }) => application_name === 'who holds the lock');
  expect(sessions.some(({ waits_for_pids }) => waits_for_pids.includes(held?.pid ?? -1))).toBe(true);
  const asked = await read(`process-${child.pid}`);
  expect(asked.name).toBe('the waiting one');
  expect(asked.report.libuv).toContainEqual(expect.objectContaining({ type: 'tcp', is_active: true }));
  expect(JSON.stringify(asked)).not.toContain('environmentVariables');
  expect(await readdir(dump)).toEqual(
    expect.arrayContaining(['dead-letters.json', 'inbox.json', 'event-cursors.json']),
  );
});

test('a process that the question would end is not asked, and one that is stopped is not waited for', async () => {
  const { world, folder } = await begin();
  await world.place('tok_ok');
  const deaf = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const stopped = await waitForEver(folder);
  stops.push(async () => {
    deaf.kill('SIGKILL');
  });
  stopped.kill('SIGSTOP');
  const [violation] = await awaitRest({ database: world.database, withinMs: 100 });
  const dump = violation?.says.split('dumped into ')[1] ?? '';
  const read = async (pid: number | undefined) => JSON.parse(await readFile(join(dump, `process-${pid}.json`), 'utf8'));
  expect((await read(deaf.pid)).report).toContain('--report-on-signal');
  expect((await read(stopped.pid)).report).toContain('it is stopped');
  expect(deaf.exitCode).toBeNull();
});

test('a run that ends is at rest only when its last event is in the timeline and nothing waits', async () => {
  const { world } = await begin();
  await world.start();
  const orderId = await world.place('tok_ok');
  let asked = 0;
  const isQuiet = async (): Promise<boolean> => {
    asked += 1;
    return asked > 3;
  };
  expect(await awaitRest({ database: world.database, withinMs: 15_000, isQuiet })).toEqual([]);
  expect(asked).toBe(5);
  const [timeline] = await world.database.query<{ count: number }>({
    text: 'select count(*)::integer as count from order_timeline where order_id = $1',
    values: [orderId],
  });
  expect(timeline?.count).toBe(3);
});

test('a run whose orders have ended, but not all of their events are told, is dumped with these orders', async () => {
  const { world } = await begin();
  const shop = await world.start();
  const { orderId } = await world.buy('tok_ok');
  await awaitRest({ database: world.database, withinMs: 15_000 });
  await shop.stop();
  await world.database.execute({
    text: 'delete from order_timeline where order_id = $1 and sequence = 3',
    values: [orderId],
  });
  const [unrest] = await awaitRest({ database: world.database, withinMs: 500 });
  expect(unrest?.says).toContain('1 events not in the timeline');
  const folder = /dumped into (\S+)/.exec(unrest?.says ?? '')?.[1] ?? '';
  expect(await readFile(join(folder, 'orders.json'), 'utf8')).toContain(orderId);
});

test('an order that is on hold is at rest only in a run that may leave it to people', async () => {
  const { world } = await begin();
  await world.start({
    screen: { kind: 'local', name: 'all', judge: () => ({ verdict: 'hold', reason: 'all of them' }) },
  });
  await world.place('tok_ok');
  await eventually('it is held', async () => {
    return (await world.database.query({ text: `select 1 from orders where status = 'on_hold' limit 1` })).length === 1;
  });
  expect(await awaitRest({ database: world.database, withinMs: 10_000, allowsPeople: true })).toEqual([]);
  expect(await awaitRest({ database: world.database, withinMs: 700 })).toMatchObject([{ promise: 5 }]);
});
