import { afterEach, expect, test } from 'vitest';
import { replayDeadLetters } from '../../src/messaging/dead-letters.sql.ts';
import { bury, settle, take } from '../../src/messaging/messages.sql.ts';
import { handledKeptDays, sweepHandledMessages } from '../../src/messaging/sweep-handled.run.ts';
import type { Worker } from '../../src/messaging/worker.run.ts';
import { assert } from '../../src/shared/assert.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { consumer, drained, effectOn, effects, handlersOf, makeEffects, send, workOn } from './queue-under-test.ts';

const scratches: TestDatabase[] = [];
const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  for (const scratch of scratches.splice(0)) await scratch.drop();
});

async function begin(): Promise<Database> {
  const scratch = await createTestDatabase();
  scratches.push(scratch);
  return scratch.database;
}

async function handledDaysAgo(database: Database, days: number, count: number): Promise<void> {
  await database.execute({
    text: `
      insert into messages_handled (consumer, message_id, type, order_id, attempts, first_enqueued_at, handled_at)
      select 'tests', gen_random_uuid(), 'release-stock', gen_random_uuid(), 1, at, at
      from generate_series(1, $2::integer), (select now() - $1 * interval '1 day' as at)`,
    values: [days, count],
  });
}

async function ages(database: Database): Promise<{ days: number; count: number }[]> {
  return await database.query({
    text: `
      select round(extract(epoch from now() - handled_at) / 86400)::integer as days, count(*)::integer as count
      from messages_handled group by 1 order by 1`,
  });
}

async function sweepAll(database: Database): Promise<number> {
  let total = 0;
  for (;;) {
    const found = await sweepHandledMessages.run({ database });
    if (found === 0) return total;
    total += found;
  }
}

test('what was handled longer ago than it is kept is removed, in bounded rounds, and the rest stays', async () => {
  const database = await begin();
  await handledDaysAgo(database, handledKeptDays + 1, 2_500);
  await handledDaysAgo(database, handledKeptDays - 1, 30);
  await handledDaysAgo(database, 0, 7);
  expect(await sweepHandledMessages.run({ database })).toBe(1_000);
  expect(await sweepAll(database)).toBe(1_500);
  expect(await ages(database)).toEqual([
    { days: 0, count: 7 },
    { days: handledKeptDays - 1, count: 30 },
  ]);
});

test('sweepers that remove at once remove each row once and do not wait for each other', async () => {
  const database = await begin();
  await handledDaysAgo(database, handledKeptDays + 10, 3_000);
  const found = await Promise.all([1, 2, 3].map(() => sweepAll(database)));
  expect(found.reduce((sum, each) => sum + each, 0)).toBe(3_000);
});

test('a dead letter that is replayed after all around it is forgotten takes effect once', async () => {
  const database = await begin();
  await makeEffects(database);
  const [id = ''] = await send(database, 1);
  const lease = { queue: 'stock' as const, count: 1, leaseId: newUuid(), leasedBy: 'first', leaseMs: 60_000 };
  const [taken] = await take(database, lease);
  assert(taken !== undefined, 'a message that was taken');
  await database.transaction((tx) => bury(tx, taken, 'cannot be done'));
  await database.execute({ text: `update dead_letters set died_at = now() - interval '200 days'` });
  await sweepAll(database);

  const ask = { merchantId: 'demo', messageIds: [id], statuses: ['open'] as const, by: 'ada' };
  expect(await database.transaction((tx) => replayDeadLetters(tx, ask))).toHaveLength(1);
  workers.push(workOn(database, handlersOf(effectOn(database))));
  await drained(database);
  expect(await effects(database)).toEqual({ taken: 1, messages: 1, handled: 1 });
  await database.execute({ text: `update messages_handled set handled_at = now() - interval '200 days'` });
  expect(await sweepAll(database)).toBe(1);
  // It is settled, and no command brings it back.
  expect(await database.transaction((tx) => replayDeadLetters(tx, ask))).toEqual([]);
  // And the worker that took it first, a hundred days late, finds nothing to end.
  expect(await database.transaction((tx) => settle(tx, taken, consumer))).toBe(false);
  expect(await effects(database)).toEqual({ taken: 1, messages: 1, handled: 0 });
});

test('the rows to remove are found by their age alone, without a look at the younger ones', async () => {
  const database = await begin();
  await handledDaysAgo(database, 1, 20_000);
  await database.execute({ text: 'analyze messages_handled' });
  const plan = await database.query<{ 'QUERY PLAN': string }>({
    text: `
      explain select 1 from messages_handled
      where handled_at < now() - 90 * interval '1 day' order by handled_at limit 1000`,
  });
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('messages_handled_by_time');
});
