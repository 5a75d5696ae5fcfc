import { afterEach, expect, test } from 'vitest';
import type { Worker } from '../../src/messaging/worker.run.ts';
import { type LogFields, silentLogger } from '../../src/shared/log.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { drained, effectOn, effects, handlersOf, makeEffects, quickLane, send, workOn } from './queue-under-test.ts';

let scratch: TestDatabase | undefined;
let worker: Worker | undefined;
afterEach(async () => {
  await worker?.stop();
  await scratch?.drop();
});

test('a lane that cannot go on says so, takes no more, and what it has in hand ends all the same', async () => {
  scratch = await createTestDatabase();
  const { database } = scratch;
  await makeEffects(database);
  const logged: [string, LogFields | undefined][] = [];
  const handler = effectOn(database, 'slow', () => new Promise((resolve) => setTimeout(resolve, 300)));
  await send(database, 2);
  let handled = 0;
  worker = workOn(database, handlersOf(handler), {
    lane: { ...quickLane, leaseMs: 5_000 },
    log: { ...silentLogger, error: (message, fields) => logged.push([message, fields]) },
    onTaken() {
      handled += 1;
      // A fault of ours beside the handler, of the kind that nobody foresees.
      if (handled === 2) throw new TypeError('planted');
    },
  });
  await expect(worker.ended).rejects.toThrow('planted');
  expect(logged).toContainEqual([
    'a lane ended though nobody stopped it',
    expect.objectContaining({ queue: 'stock', error: expect.objectContaining({ message: 'planted' }) }),
  ]);
  await worker.stop();
  expect(await effects(database)).toMatchObject({ taken: 1, handled: 1 });
});

test('a worker that is stopped has ended without a fault', async () => {
  scratch = await createTestDatabase();
  const { database } = scratch;
  await makeEffects(database);
  worker = workOn(database, handlersOf(effectOn(database)));
  await send(database, 5);
  await drained(database);
  await worker.stop();
  await expect(worker.ended).resolves.toBeUndefined();
});
