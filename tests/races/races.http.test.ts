import { afterEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { randomFrom, seedOf } from '../harness/world.ts';
import { everyOrder } from './every-order.ts';
import { oneKey } from './one-key.ts';
import { pausedWorker } from './paused-worker.ts';
import type { Race, Raced } from './race.ts';
import { skewedClocks } from './skewed-clocks.ts';
import { tenUnits } from './ten-units.ts';
import { twoSweepers } from './two-sweepers.ts';

const databases: TestDatabase[] = [];
afterEach(async () => {
  for (const each of databases.splice(0)) await each.drop();
});

/** Runs a bounded piece of the race; the part of the proof runs all of it. */
async function bounded(race: Race): Promise<Raced> {
  const scratch = await createTestDatabase({ connectionsMax: 1 });
  databases.push(scratch);
  const random = randomFrom(seedOf(race.name));
  const raced = await race.run({ databaseUrl: scratch.url, scale: 'bounded', random, progress: () => {} });
  console.info(`${race.name}: ${JSON.stringify(raced.figures)}`);
  expect(raced.violations).toEqual([]);
  return raced;
}

test('64 buyers with one key at two API instances get one order and one answer to the byte', async () => {
  await bounded(oneKey);
}, 60_000);

test('of many buyers exactly as many buy as there are units, and the rest are told which line lacks', async () => {
  await bounded(tenUnits);
}, 60_000);

test('cancel, complete, update and webhook of a session leave one outcome, in every order and overlapped', async () => {
  const { figures } = await bounded(everyOrder);
  expect(figures['sessions raced in every order']).toBeGreaterThanOrEqual(48);
}, 60_000);

test('a worker that is paused in a call beyond its lease takes nothing back from the one that went on', async () => {
  const { figures } = await bounded(pausedWorker);
  expect(figures['workers paused beyond their lease']).toBeGreaterThanOrEqual(6);
}, 60_000);

test('processes whose clocks are an hour ahead and an hour behind carry every order to its end', async () => {
  const { figures } = await bounded(skewedClocks);
  expect(figures['webhooks refused for their time']).toBeGreaterThan(0);
}, 60_000);

test('two sweepers and three workers over the same overdue work move every order once', async () => {
  await bounded(twoSweepers);
}, 90_000);
